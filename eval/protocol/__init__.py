"""What parent and worker say to each other. Both sides import it, so it runs beside a team's code.

job                what the parent tells a worker: one typed source for each adapter
switches           what a rerun changes that ought not to change its pixels
replies            what a worker answers: one typed reply for each operation
channel            frames over a socketpair, images in sealed shared memory
complexity_report  what was counted, and its text form
operators          operators that may hide work from a counter
"""
