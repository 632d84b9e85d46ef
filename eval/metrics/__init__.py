"""Image quality metrics: one file each, and one table of them in `registry`.

registry    every metric in one table, and the values of one image pair
metric      the description of one metric: function, colours, unit, direction
psnr        PSNR
ssim        SSIM
perceptual  LPIPS, DISTS, NIQE and others, through pyiqa in a process of its own
color       colour spaces in which metrics compare
border      the part of an image that is compared
"""
