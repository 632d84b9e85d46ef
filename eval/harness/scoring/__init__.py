"""Quality of SR images.

scorer_pool   the threads that score
image_folder  SR images that lie in a folder
image_checks  whether images are large enough, before any model runs
output_range  whether a network's values fit its declared range
reference     bicubic enlargement, against which results are flagged
saved_images  images that --save_images keeps
"""
