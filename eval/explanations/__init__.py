"""Why a number or an image is what it is: every way of making it that is in use, tried.

quality       which protocol gives a PSNR or SSIM
ssim_windows  SSIM by other windows, borders and constants
downscalers   which program made LR images, and the shift
filters       down-scaling by formulas
"""
