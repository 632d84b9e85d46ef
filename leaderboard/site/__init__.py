"""The static site: pages that open from disk without network.

pages        writes the site
page         what one kind of page takes from a build
index        the first page
team         the page of one entry
team_images  its part that goes image by image
images       the page that lists the images
image        the page of one image
compare      two entries on one image
listing      entries with their rows and pages
claims       the page of all claims, and those of one entry
reading      how to read the figures
plots        scatter plots
charts       small charts
crops        windows of images
"""
