"""What to change if the judge refuses a submission: one row for each kind of refusal.

The judge's reasons name what was found. Many end with the remedy already; a row says it for a participant.
"""

from __future__ import annotations

import re

SAVE_WEIGHTS = "save the weights alone: torch.save(model.state_dict(), FILE)"
# Words of a refusal, and what to change. The first row that fits is taken; {1} is what its first group matched.
CURES: tuple[tuple[str, str], ...] = (
    (r"field 'id': .*already taken", "choose an id or a variant of your own"),
    (r"must be called (team\S+)", "rename the manifest to {1}, or change its field 'id'"),
    (r"not valid TOML", "correct the line that the message names; see docs/submissions.md for the form"),
    (r"did you mean '(\w+)'", "write '{1}' instead"),
    (r"extra inputs are not permitted", "remove the field, or move it to the table that has it"),
    (r"field '([\w.]+)': field required", "add '{1}' to the manifest; see docs/submissions.md"),
    (r"either 'class' .* or 'ensemble'", "give one of the two: 'class' for a script, 'ensemble' for other submissions"),
    (r"bears the number of another submission", "give the file your own number, or a name without a number"),
    (r"field '([\w.]+)'", "correct '{1}' in the manifest; see docs/submissions.md"),
    (r"there is (\S+): upper and lower case differ", "use the same upper and lower case in name and manifest: {1}"),
    (r"names no checkpoint", "add a table [checkpoint] with the field 'file'"),
    (r"sha256 is ([0-9a-f]{64}), the manifest says", 'write sha256 = "{1}" if this is the right file'),
    (r"a link that leads out", "replace the link by the file itself"),
    (r"^script .*no such file", "put the script beside the manifest under this name, or set 'script'"),
    (r"^files: .*no such file", "put the file beside the manifest, or take it out of 'files'"),
    (r"^checkpoint .*no such file", "put the checkpoint into model_zoo/ under this name"),
    (r"Git LFS pointer", "run `git lfs pull`, then validate again"),
    (r"an HTML page", "download the file itself, not the page about it"),
    (r"is empty \(0 bytes\)", "copy or download the checkpoint again"),
    (r"archive.*unpack it", "unpack the archive and name the checkpoint in it"),
    (r'write `(key = "[^"]*")`', "write {1} in the manifest's [checkpoint]"),
    (r"no key '[^']*' in it \(it holds: ([^)]*)\)", "set 'key' to one of {1}; leave it out if these are weights"),
    (r"holds more than tensors", f"{SAVE_WEIGHTS}; only if that is impossible, set allow_pickle = true"),
    (r"\.safetensors: cannot be read", f"load the file with safetensors.torch.load_file, then {SAVE_WEIGHTS}"),
    (r"expected a state_dict|checkpoint \S+: cannot be read", SAVE_WEIGHTS),
    (r"wrong shape:", "set [args] to those that the checkpoint was trained with, or use the checkpoint of this class"),
    (r"does not fit the model", "save the state_dict of exactly this class; training branches and prefixes do not fit"),
    (r"no architecture that spandrel knows", "write a script and a manifest: python -m eval.new TEAM_ID NAME"),
    (r"did you mean '(\w+)'\?|defines no '\w+'", "set 'class' to the network's class in the script"),
    (r"list it in the manifest: (files = \[[^]]*\])", "add {1} to the manifest, or use a package of requirements.txt"),
    (r"which is not installed", "use a package of requirements.txt, or put the code into the script"),
    (r"torch\.compile starts a compiler", "remove torch.compile: the judge runs the network as it is"),
    (r"it looks like a network for x(\d)", "train for the challenge's scale; this output is x{1}"),
    (r"set `pad_multiple`", "set pad_multiple in the manifest to the multiple that the network needs"),
    (r"NaN or infinity", "find what overflows: a division by zero, a root below zero, half precision"),
    (r"expected a plain torch\.Tensor", "return the image alone as one tensor, not a tuple, list or dictionary"),
    (r"expected a floating-point type", "return the float tensor itself; the judge rounds to 8 bits"),
    (r"bad output: shape", "return 1x3x(4H)x(4W) for an input of 1x3xHxW, padding cut off again"),
    (r"memory limit|out of memory", "set 'tile' in the manifest, so that the network sees one part at a time"),
    (r"time limit", "make the network faster, or set 'tile' if it is short of memory"),
    (r"Read-only file system|Permission denied", "write no files: the judge allows none"),
    (r"Network is unreachable|Name or service|urlopen|URLError|ConnectionError|gaierror|socket",
     "use no network: put what the script downloads into the checkpoint or 'files'"),
    (r"fork|clone|BlockingIOError|Operation not permitted|start new process|subprocess",
     "start no process and no program: the judge allows none"),
    (r"No such file or directory", "read only files beside the script that 'files' lists"),
    (r"HR image", "keep the submission's files and the HR images in separate folders"),
    (r"images are missing", "hand in one PNG for each image, named as the HR image"),
    (r"could be image", "keep one file for each image"),
    (r"not a regular file", "replace links by the files themselves"),
    (r"Python package '(\w+)'", "use a package of requirements.txt instead of {1}"),
    (r"unexpected keyword argument", "set [args] to arguments that the class takes"),
    (r"missing \d+ required positional", "give the class's required arguments in [args]"),
)  # fmt: skip
OTHERWISE = "correct what the message names; docs/submissions.md has the form of a submission"


def cure_of(reason: str) -> str:
    """What to change if the judge says `reason`.

    >>> cure_of("models/net.toml: must be called team42_Name.toml, as its field 'id' says")
    "rename the manifest to team42_Name.toml, or change its field 'id'"
    """
    for pattern, cure in CURES:
        found = re.search(pattern, reason)
        if found:
            return cure.replace("{1}", (found.group(1) or "").rstrip(",.;")) if "{1}" in cure else cure
    return OTHERWISE
