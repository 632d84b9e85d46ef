"""The static site: pages that open from disk without network."""
