"""Options whose bad values are collected, so that one of them does not hide the others."""

from __future__ import annotations

from typing import Any, Final

import click

__all__ = ["CollectingOption", "bad_values"]

_KEY: Final = "seedfleet.cli.bad_values"


class CollectingOption(click.Option):
    """An option that notes a bad value and goes on as if it had not been given."""

    def process_value(self, ctx: click.Context, value: Any) -> Any:
        """Convert a value, or note why that cannot be."""
        try:
            return super().process_value(ctx, value)
        except click.BadParameter as error:
            hint = self.get_error_hint(ctx)
            ctx.meta.setdefault(_KEY, []).append(f"{hint}: {error.message or 'it is required'}")
            return None


def bad_values(ctx: click.Context) -> list[str]:
    """List what `CollectingOption` has noted, in the order of the command line's options."""
    return list(ctx.meta.get(_KEY, ()))
