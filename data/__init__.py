"""Image pairs: reading, pairing, down-sampling, the demo set; and what all packages share.

images    reads, writes and crops images
formats   image files before they are decoded: size, depth, completeness
pairs     which LR image belongs to which HR image
datasets  benchmarks and their folders
demo      the demo set
bicubic   bicubic resizing as MATLAB does it
prepare   makes LR images: `python -m data.prepare`
sources   training data by name
pack      packs training images: `python -m data.pack`
stores    training pairs to crop from
names     names of image files
paths     paths that a user gives
types     types that every package shares
text      untrusted text, made safe to show
errors    the one error for wrong input
"""
