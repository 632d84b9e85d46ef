"""Quality of SR images: what is checked first, the threads that score, images kept or handed in."""
