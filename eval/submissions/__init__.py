"""Submissions as data: manifests, checkpoints, repositories. Nothing here runs a team's code.

catalogue        which manifests exist, and which one an id means
manifest         the fields of a manifest
resolve          from a manifest to its submission
native           a model script with its manifest
ensemble         several submissions as one
bare_checkpoint  a checkpoint without a script
image_folder     results handed in as images
repository       submissions of an NTIRE-style repository
checkpoints      which file fills a model: authors', reproduced, or the user's
team_number      whose a file is, by its name
fingerprint      hashes of a submission's files
submission       what all of these become
"""
