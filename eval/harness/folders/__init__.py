"""Submissions that read a folder of images and write one, or that are a folder of images."""
