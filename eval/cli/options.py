"""The options of `test_demo.py`. Their defaults live here only; paths become absolute here."""

from __future__ import annotations

import argparse

from data.paths import given_path
from eval.submissions.manifest import MODELS

MAX_TIMEOUT_S = 1_000_000  # eleven days
_Group = argparse._ArgumentGroup  # argparse has no public name for it
_CHECKPOINT_WORDS = ("auto", "authors", "reproduced")
_DESCRIPTION = "Judge super-resolution submissions: quality, runtime, memory, complexity, ranking."
_EPILOG = """examples:
  python test_demo.py --model_id 25                            the demo set, no data needed
  python test_demo.py --model_id 0 21 25 --data_dir DATA --ssim --include_test
  python test_demo.py --compare 0 21 25 28                     which is faster, in rounds, with intervals
  python test_demo.py --model_id 25 --pairs HR_DIR LR_DIR      any folders of pairs
  python test_demo.py --repo NTIRE2024_ESR --all               someone else's repository, unmodified
  python test_demo.py --weights 4xNomos.pth                    a bare checkpoint, no script
  python test_demo.py --images SR_DIR --hr HR_DIR              results only
"""


def parser() -> argparse.ArgumentParser:
    """The parser of all options."""
    options = argparse.ArgumentParser(
        "test_demo.py",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_submissions(options.add_argument_group("what is judged"))
    _add_weights(options.add_argument_group("with which weights"))
    _add_images(options.add_argument_group("on which images, by which rules"))
    _add_measurement(options.add_argument_group("how it is measured"))
    _add_results(options.add_argument_group("where results go, and what is shown"))
    return options


def _add_submissions(group: _Group) -> None:
    group.add_argument("--model_id", nargs="+", metavar="ID", help="ids of submissions, such as 0 21p 25")
    group.add_argument(
        "--compare", nargs="+", metavar="ID",
        help="short for --model_id ID ... --protocol interleaved; the first id is the baseline",
    )  # fmt: skip
    group.add_argument("--all", action="store_true", help="every submission")
    group.add_argument("--repo", type=given_path, metavar="DIR", help="an NTIRE-style repository, unmodified")
    group.add_argument(
        "--models", type=given_path, default=MODELS, metavar="DIR",
        help="folder of manifests (default: this project's models/)",
    )  # fmt: skip
    group.add_argument(
        "--weights", type=given_path, nargs="+", metavar="FILE", help="bare checkpoints that spandrel knows"
    )
    group.add_argument(
        "--images", type=given_path, nargs="+", metavar="DIR",
        help="folders of SR images: results without a model",
    )  # fmt: skip
    group.add_argument(
        "--self_ensemble", action="store_true",
        help="wrap each in the x8 geometric self-ensemble, named ID_NAME_x8 (default: off)",
    )  # fmt: skip


def _add_weights(group: _Group) -> None:
    group.add_argument(
        "--checkpoint", type=_checkpoint, default="auto", metavar="authors|reproduced|PATH",
        help="which weights (default: the authors' if present, else this project's own)",
    )  # fmt: skip
    group.add_argument(
        "--allow_pickle", action="store_true",
        help="let checkpoints be fully unpickled, inside the sandbox only (default: off)",
    )  # fmt: skip


def _add_images(group: _Group) -> None:
    group.add_argument(
        "--data_dir", type=given_path, metavar="DIR",
        help="folder with DIV2K_LSDIR_valid_HR/LR (and test), or DIV2K's (default: the folder beside this "
        "project if it has them, else the demo set)",
    )  # fmt: skip
    group.add_argument(
        "--pairs", nargs=2, type=given_path, metavar=("HR_DIR", "LR_DIR"), help="two folders of image pairs"
    )
    group.add_argument(
        "--hr", type=given_path, metavar="DIR", help="with --images: a folder of HR images, no LR needed"
    )
    group.add_argument("--include_test", action="store_true", help="the test set too (default: off)")
    group.add_argument(
        "--challenge", type=_challenge, default="esr2024", metavar="NAME",
        help="rules: a name, or the path of a TOML file (default: %(default)s)",
    )  # fmt: skip
    group.add_argument("--ssim", action="store_true", help="SSIM beside PSNR (default: off)")


def _add_measurement(group: _Group) -> None:
    group.add_argument(
        "--device",
        default="auto",
        metavar="auto|cpu|cuda:N",
        help="where networks run (default: %(default)s)",
    )
    group.add_argument(
        "--protocol", choices=("ntire", "robust", "interleaved"), default="robust",
        help="runtime: one cold pass as the official code; warm, repeated, cross-checked; or that in rounds over all "
        "submissions, beside the baseline (default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--rounds", type=_positive, default=5, metavar="R",
        help="rounds at most, for protocol interleaved; settled entries leave earlier (default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--round_minutes", type=_positive_float, default=None, metavar="M",
        help="begin no further round after so many minutes (default: no limit)",
    )  # fmt: skip
    group.add_argument(
        "--repeats", type=_positive, default=3, metavar="N",
        help="timed runs per image, for protocol robust (default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--sandbox", choices=("auto", "bwrap", "landlock", "process"), default="auto",
        help="how workers are confined (default: the strongest that works here)",
    )  # fmt: skip
    group.add_argument(
        "--timeout", type=_positive_float, default=600.0, metavar="S",
        help="seconds per image; above the default, the limit on loading grows in proportion (default: 600)",
    )  # fmt: skip


def _add_results(group: _Group) -> None:
    group.add_argument(
        "--save_dir", type=given_path, default="results", metavar="DIR", help="default: %(default)s"
    )
    group.add_argument(
        "--save_images", action="store_true",
        help="keep SR, LR and HR images under SAVE_DIR/images; the site shows crops of them (default: off)",
    )  # fmt: skip
    group.add_argument(
        "--resume", action="store_true",
        help="skip submissions whose equal result is in SAVE_DIR already (default: off)",
    )  # fmt: skip
    group.add_argument(
        "--show_output", action="store_true",
        help="show the last lines that each submission printed; records keep them anyway (default: off)",
    )  # fmt: skip


def _checkpoint(text: str) -> str:
    """A word stays a word; anything else is a path. A file called `authors` is `./authors`."""
    return text if text in _CHECKPOINT_WORDS else str(given_path(text))


def _challenge(text: str) -> str:
    """A name stays a name; a text that ends in `.toml` is a path."""
    return str(given_path(text)) if text.endswith(".toml") else text


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text}: must be at least 1")
    return value


def _positive_float(text: str) -> float:
    value = float(text)
    if not 0 < value <= MAX_TIMEOUT_S:
        raise argparse.ArgumentTypeError(
            f"{text}: must be a number of seconds above 0, at most {MAX_TIMEOUT_S:,}"
        )
    return value
