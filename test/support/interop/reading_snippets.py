"""Runs a snippet of a document as a notebook shows it: the value is that of its last line."""

import ast


def run(code, namespace):
    """Runs Python code in a namespace and gives the value of its last line, None if that is no expression."""
    module = ast.parse(code)
    last = module.body[-1] if module.body and isinstance(module.body[-1], ast.Expr) else None
    if last is not None:
        module.body.pop()
    exec(compile(module, "<snippet>", "exec"), namespace)
    return eval(compile(ast.Expression(last.value), "<snippet>", "eval"), namespace) if last is not None else None
