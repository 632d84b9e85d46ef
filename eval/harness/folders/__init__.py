"""Submissions that read a folder of images and write one, or that are a folder of images.

folder_program  runs a program on a folder of images
working_folder  a private folder to work in, which shows the repository
folder_results  scores folders of images
"""
