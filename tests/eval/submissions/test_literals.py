"""Paths that source text names: in one piece, joined, with the model's id; and whether that can be all."""

from __future__ import annotations

import ast

import pytest

from eval.submissions.repository.literals import Named, named

KNOWN = {
    "'model_zoo/a.pth'": ("model_zoo/a.pth",),
    "'../x/model_zoo/./t/a.bin'": ("model_zoo/t/a.bin",),
    "osp.join('model_zoo', 't', 'a.pth')": ("model_zoo/t/a.pth",),
    "os.path.join(root, 'model_zoo', 'a.pth')": ("model_zoo/a.pth",),
    "'model_zoo' + '/a.pth'": ("model_zoo/a.pth",),
    "str(Path('model_zoo', 't') / 'a.pth')": ("model_zoo/t/a.pth",),
    "f'model_zoo/team{model_id:02}_{args.model_id}.pth'": ("model_zoo/team07_7.pth",),
    "'a.pth'": ("model_zoo/a.pth",),
    "'weights/a.pt'": ("model_zoo/weights/a.pt", "weights/a.pt"),
    "'/etc/a.pth', '../a.pth', 'a.txt', '.pth', ', '.join(names)": (),
    "'see model_zoo/ for more\\n'": (),
    "name.endswith('.pth')": (),
}
COMPUTED = {
    "f'model_zoo/{kind}.pth'": (),
    "f'{kind}.pth'": (),
    "'%s.pth' % kind": (),
    "'{}.pth'.format(kind)": (),
    "os.path.join('model_zoo', kind)": (),
    "os.path.join(root, kind, 'a.pth')": ("model_zoo/a.pth",),
    "os.listdir('model_zoo')": (),
    "glob('model_zoo/*')": (),
}


@pytest.mark.parametrize(("text", "paths"), KNOWN.items(), ids=KNOWN)
def test_paths_that_are_spelled_out_are_known(text: str, paths: tuple[str, ...]) -> None:
    assert named(ast.parse(f"x = {text}"), 7) == Named(paths, is_all=True)


@pytest.mark.parametrize(("text", "paths"), COMPUTED.items(), ids=COMPUTED)
def test_paths_that_are_computed_make_the_rest_not_all(text: str, paths: tuple[str, ...]) -> None:
    assert named(ast.parse(f"x = {text}"), 7) == Named(paths, is_all=False)


def test_documentation_names_nothing() -> None:
    assert named(ast.parse("'model_zoo/a.pth'\ndef f():\n    'model_zoo/b.pth'")) == Named((), is_all=True)
