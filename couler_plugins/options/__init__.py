"""Options: fields of a dataclass, the grammar `name{option=value}`, and settings from files and the environment."""
