"""What Airflow wants to know of a provider: who we are, and which settings there are."""

from __future__ import annotations

from typing import Any

from couler_airflow.settings import option_names
from couler_plugins import __version__
from couler_plugins.options.fields import texts_of


def get_provider_info() -> dict[str, Any]:
    """The provider's description, as Airflow's `provider_info.schema.json` wants it."""
    return {
        "package-name": "couler-plugins",
        "name": "Couler",
        "description": "Results that tasks need not compute again.",
        "versions": [__version__],
        "config": {
            "couler": {
                "description": "The cache of couler-plugins for results of tasks.",
                "options": {
                    name: {
                        "description": field.metadata["about"],
                        "type": "boolean" if isinstance(field.default, bool) else "string",
                        "sensitive": field.metadata["secret"],
                        "version_added": None,
                        "example": field.metadata["example"] or None,
                        "default": ",".join(texts_of(field.default)),
                    }
                    for name, field in option_names().items()
                },
            }
        },
    }
