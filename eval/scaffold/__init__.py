"""A new submission: manifest, script, checkpoint and test, written so that `eval.validate` passes.

texts      what the written files say
beginning  from what a submission begins: nothing, a script, or a checkpoint that spandrel knows
confined   weights and architecture, asked of a confined worker
written    the files on disk, all or none
"""
