"""The harness: submissions and rules as data, the isolated worker, measurements, records."""
