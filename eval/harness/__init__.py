"""Evaluates submissions: starts workers, scores, keeps the clock, makes records. No torch.

evaluate           one submission after the other, each to its record
measure            one submission with workers: quality, runtime, complexity
passes             the passes over all images
worker_process     the parent's handle on a worker
worker_setup       what each worker is told and shown
deadlines          time limits of workers, such as the limit per image
timing             the timed pass, and the gap between the clocks
campaign           rounds of protocol `interleaved`
scoring            scores images in threads, keeps them, checks them
reruns             runs again under switches, and compares pixels
clean_recount      counts again without the team's code
complexity_result  counts as the record states them
ground_truth       checks that no sandbox shows an HR image
build_step         compiles operators that a manifest asks for
folders            programs that turn folders into folders, and folders of images
dataset            which images a batch is judged on
plan               what every submission of a batch is put through
findings           what is known of a submission while it is evaluated
resume             what --resume skips
progress           what a person sees meanwhile
"""
