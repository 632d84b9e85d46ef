"""The judge at home: checks of a submission before it is handed in, each with what to change.

handed_in        what a path is: manifest, script, checkpoint, repository or images
checklist        the checks in their order
item             one line of the checklist, and how a check becomes one
cures            what to change if the judge refuses a submission
manifest_checks  fields, naming, files
source_code      a script as syntax
source_checks    packages and habits that the judge does not allow
session          one worker, started and asked as the judge does
load_checks      sandbox, checkpoint, state of the network
answer_checks    sizes, repeatability, channel order, data range, time, memory
judge_checks     the judge's own evaluation, read for a participant
result_images    results that are handed in as images
report           the checklist as text, and the receipt of a submission
receipt          what was checked: hashes, figures and versions, for the organiser
"""
