"""The harness: submissions and rules as data, sandboxes, workers, measurements, records.

    cli          the main command line: options, the plan of a batch, the batch
    harness      evaluates submissions: starts workers, scores, keeps the clock
    submissions  manifests, checkpoints and repositories as data
    sandbox      the parent's side of confinement: levels, limits, what is visible
    filters      the restrictions that a confined process applies to itself *
    protocol     what parent and worker say to each other *
    worker       loads, runs, times and counts a submission; the only package with torch *
    integrity    whether a worker's word is believed
    claims       what a team claims beside what was measured; factsheets
    reproduction whether equal input gives equal output, and what moved between records
    validation   the checks of a submission before it is handed in
    scaffold     what a new submission begins with
    metrics      PSNR, SSIM and the other image metrics
    explanations why a number or an image is what it is
    runtime      which inputs are timed, and statistics of times
    records      the record of an evaluation, flags, official result files
    host         facts about this machine: processor, GPU, processes, disks
    challenge    a competition's rules as data
    tomlfile     TOML files as typed data
    files        bounded reading of files that strangers hand in
    failures     the exception that ends one submission's evaluation
    explain      why a number or an image is what it is: a command line
    verify       claims beside the measurement: a command line
    factsheet    claims proposed from a factsheet: a command line
    validate     the judge at home, for participants: a command line
    new          writes a new submission: a command line

A star marks what runs beside a team's code. docs/architecture.md says what may import what.
"""
