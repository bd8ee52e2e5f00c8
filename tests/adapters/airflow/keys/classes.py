"""Classes: of values, of settings, with state and code in places that bytecode and globals do not show."""

from __future__ import annotations

from typing import Any

from adapters.airflow.keys.case import VALUES, Case, work

__all__ = ["CASES"]


def helping(name: str, body: str, helper: str, edit: tuple[str, str], taken: str, **case: Any) -> Case:
    """Return a case of a task that takes names of a module beside the DAG file, which is edited."""
    files = {"helping.py": helper}
    return work(name, body, f"from helping import {taken}", files=files, edits={"helping.py": edit}, **case)


def beside(name: str, body: str, code: str, edit: tuple[str, str], **case: Any) -> Case:
    """Return a case of a task whose DAG file has all of its code, and is edited."""
    return work(name, body, code, edit=edit, **case)


DECODED = """
import msgspec
try: return msgspec.json.decode(b'{"y": 5}', type=C).my_x
except msgspec.ValidationError: return 'bad'
"""
ENCODED = "import msgspec\nreturn msgspec.json.encode(C()).decode()"

CASES: tuple[Case, ...] = (
    # Subclasses of builtin types, with methods.
    helping(
        "dict-subclass-method",
        "return CONFIG.rate()",
        """
        class Config(dict):
            def rate(self): return self["r"] * 2
        CONFIG = Config(r=1)
        """,
        ("* 2", "* 3"),
        "CONFIG",
        worst=True,
        layer=VALUES,
    ),
    beside(
        "int-subclass-method",
        "return PRICE.euros()",
        """
        class Cents(int):
            def euros(self): return self / 100
        PRICE = Cents(500)
        """,
        ("/ 100", "/ 1000"),
        layer=VALUES,
    ),
    helping(
        "list-subclass-method",
        "return XS.best()",
        """
        class Scores(list):
            def best(self): return max(self)
        XS = Scores([1, 5, 3])
        """,
        ("max(", "min("),
        "XS",
        layer=VALUES,
    ),
    helping(
        "str-subclass-method",
        "return T.sql()",
        """
        class Table(str):
            def sql(self): return f"select {self}"
        T = Table("t")
        """,
        ("select", "select distinct"),
        "T",
        layer=VALUES,
    ),
    helping(
        "decimal-subclass-method",
        "return M.vat()",
        """
        import decimal
        class Money(decimal.Decimal):
            def vat(self): return str(self * 2)
        M = Money("1")
        """,
        ("* 2", "* 3"),
        "M",
        layer=VALUES,
    ),
    helping(
        "path-subclass-method",
        "return M.key()",
        """
        import pathlib
        class Place(pathlib.PurePosixPath):
            def key(self): return "s3://a/" + str(self)
        M = Place("x")
        """,
        ("s3://a", "s3://b"),
        "M",
        layer=VALUES,
    ),
    helping(
        "user-dict-method",
        "return CFG.rate()",
        """
        import collections
        class Cfg(collections.UserDict):
            def rate(self): return self.data["r"] * 2
        CFG = Cfg(r=1)
        """,
        ("* 2", "* 3"),
        "CFG",
        layer=VALUES,
    ),
    helping(
        "dict-subclass-missing",
        "return CFG['x']",
        """
        class Cfg(dict):
            def __missing__(self, key): return 1
        CFG = Cfg()
        """,
        ("return 1", "return 2"),
        "CFG",
        layer=VALUES,
    ),
    beside(
        "dict-subclass-attribute",
        "return CFG.unit",
        """
        class Cfg(dict): pass
        CFG = Cfg(a=1)
        CFG.unit = "eur"
        """,
        ('"eur"', '"usd"'),
        layer=VALUES,
    ),
    helping(
        "float-subclass-format",
        "return f'{RATE}'",
        """
        class Rate(float):
            def __format__(self, spec): return "1 %"
        RATE = Rate(0.01)
        """,
        ("1 %", "2 %"),
        "RATE",
        layer=VALUES,
    ),
    helping(
        "tuple-subclass-method",
        "return P(1, 2).norm()",
        """
        from typing import NamedTuple
        class P(NamedTuple):
            a: int
            b: int
            def norm(self): return self.a + self.b
        """,
        ("self.a + self.b", "self.a * self.b"),
        "P",
    ),
    helping(
        "datetime-subclass",
        "return DAY.label()",
        """
        import datetime
        class Day(datetime.date):
            def label(self): return self.isoformat()
        DAY = Day(2026, 1, 1)
        """,
        ("self.isoformat()", "str(self.year)"),
        "DAY",
        layer=VALUES,
    ),
    helping(
        "own-time-zone",
        "return T.isoformat()",
        """
        import datetime
        class Zone(datetime.tzinfo):
            def utcoffset(self, when): return datetime.timedelta(hours=1)
            def dst(self, when): return None
            def __str__(self): return "own"
        T = datetime.datetime(2026, 1, 1, tzinfo=Zone())
        """,
        ("hours=1", "hours=2"),
        "T",
        layer=VALUES,
    ),
    helping(
        "exception-subclass-text",
        "try:\n    raise Bad()\nexcept Bad as error:\n    return str(error)",
        """
        class Bad(Exception):
            def __str__(self): return "one"
        """,
        ('"one"', '"two"'),
        "Bad",
    ),
    # Enumerations.
    helping(
        "enum-method",
        "return E.A.twice()",
        """
        import enum
        class E(enum.Enum):
            A = 1
            def twice(self): return self.value * 2
        """,
        ("* 2", "* 3"),
        "E",
    ),
    helping(
        "enum-member-is-handed-on",
        "return kind.label()",
        """
        import enum
        class E(enum.Enum):
            A = 1
            def label(self): return "one"
        """,
        ('"one"', '"two"'),
        "E",
        arguments="kind=E.A",
    ),
    helping(
        "enum-missing",
        "return E(5).name",
        """
        import enum
        class E(enum.Enum):
            A = 1
            B = 2
            @classmethod
            def _missing_(cls, value): return cls.A
        """,
        ("return cls.A", "return cls.B"),
        "E",
    ),
    beside(
        "enum-auto-order",
        "return E.B.value",
        """
        import enum
        class E(enum.Enum):
            A = enum.auto()
            B = enum.auto()
        """,
        ("A = enum.auto()", "Z = enum.auto()\n    A = enum.auto()"),
    ),
    beside(
        "enum-flag",
        "return (E.A | E.B).value",
        """
        import enum
        class E(enum.IntFlag):
            A = 1
            B = 2
        """,
        ("B = 2", "B = 4"),
    ),
    # Dataclasses, attrs, pydantic, msgspec.
    beside(
        "dataclass-default",
        "return C().rate",
        "import dataclasses\n@dataclasses.dataclass\nclass C:\n    rate: int = 1\n",
        ("int = 1", "int = 2"),
    ),
    beside(
        "dataclass-default-factory",
        "return C().rates",
        "import dataclasses\n@dataclasses.dataclass\nclass C:\n    rates: list = dataclasses.field(default_factory=lambda: [1])\n",
        ("[1]", "[2]"),
    ),
    beside(
        "dataclass-post-init",
        "return C(1).rate",
        "import dataclasses\n@dataclasses.dataclass\nclass C:\n    rate: int\n    def __post_init__(self): self.rate *= 2\n",
        ("*= 2", "*= 3"),
    ),
    beside(
        "dataclass-order",
        "return sorted([C(2), C(1)])[0].a if hasattr(C, '__lt__') and C.__lt__ is not object.__lt__ else 'none'",
        "import dataclasses\n@dataclasses.dataclass(order=True)\nclass C:\n    a: int\n",
        ("order=True", "order=False"),
    ),
    beside(
        "dataclass-attribute-that-is-no-field",
        "return X.extra",
        "import dataclasses\n@dataclasses.dataclass\nclass C:\n    a: int\nX = C(1)\nX.extra = 1\n",
        ("extra = 1", "extra = 2"),
        layer=VALUES,
    ),
    beside(
        "dataclass-slots",
        "return X.a",
        "import dataclasses\n@dataclasses.dataclass(slots=True)\nclass C:\n    a: int\nX = C(1)\n",
        ("C(1)", "C(2)"),
        layer=VALUES,
    ),
    beside(
        "dataclass-metadata",
        "import dataclasses\nreturn dataclasses.fields(C)[0].metadata['unit']",
        "import dataclasses\n@dataclasses.dataclass\nclass C:\n    a: int = dataclasses.field(default=1, metadata={'unit': 'eur'})\n",
        ("'eur'", "'usd'"),
    ),
    helping(
        "dataclass-inherited-method",
        "return Child(1).total()",
        """
        import dataclasses
        @dataclasses.dataclass
        class Base:
            a: int
            def total(self): return self.a * 2
        class Child(Base): pass
        """,
        ("* 2", "* 3"),
        "Child",
    ),
    beside(
        "attrs-default",
        "return C().rate",
        "import attrs\n@attrs.define\nclass C:\n    rate: int = 1\n",
        ("int = 1", "int = 2"),
        needs=("attrs",),
    ),
    beside(
        "attrs-converter",
        "return C(1).rate",
        "import attrs\n@attrs.define\nclass C:\n    rate: int = attrs.field(converter=lambda x: x * 2)\n",
        ("* 2", "* 3"),
        needs=("attrs",),
    ),
    beside(
        "attrs-factory-takes-self",
        "return C(1).b",
        "import attrs\n@attrs.define\nclass C:\n    a: int\n    b: int = attrs.field(default=attrs.Factory(lambda self: self.a + 1, takes_self=True))\n",
        ("+ 1", "+ 2"),
        needs=("attrs",),
    ),
    beside(
        "attrs-instance",
        "return X.a",
        "import attrs\n@attrs.frozen\nclass C:\n    a: int\nX = C(1)\n",
        ("C(1)", "C(2)"),
        needs=("attrs",),
        layer=VALUES,
    ),
    helping(
        "pydantic-instance-method",
        "return CONFIG.total()",
        """
        from pydantic import BaseModel
        class Config(BaseModel):
            r: int = 1
            def total(self): return self.r * 2
        CONFIG = Config(r=1)
        """,
        ("* 2", "* 3"),
        "CONFIG",
        needs=("pydantic",),
        layer=VALUES,
        worst=True,
    ),
    beside(
        "pydantic-default",
        "return C().rate",
        "from pydantic import BaseModel\nclass C(BaseModel):\n    rate: int = 1\n",
        ("int = 1", "int = 2"),
        needs=("pydantic",),
    ),
    beside(
        "pydantic-validator",
        "return C(rate=1).rate",
        "from pydantic import BaseModel, field_validator\nclass C(BaseModel):\n    rate: int\n    @field_validator('rate')\n    @classmethod\n    def scaled(cls, value): return value * 2\n",
        ("* 2", "* 3"),
        needs=("pydantic",),
    ),
    beside(
        "pydantic-constraint",
        "try:\n    return C(rate=5).rate\nexcept ValueError:\n    return 'refused'",
        "from pydantic import BaseModel, Field\nclass C(BaseModel):\n    rate: int = Field(le=10)\n",
        ("le=10", "le=3"),
        needs=("pydantic",),
    ),
    beside(
        "pydantic-private-attribute",
        "return X._rate",
        "from pydantic import BaseModel\nclass C(BaseModel):\n    a: int = 1\n    _rate: int = 1\nX = C()\n",
        ("_rate: int = 1", "_rate: int = 2"),
        needs=("pydantic",),
        layer=VALUES,
    ),
    beside(
        "pydantic-fields-set",
        "return X.model_dump(exclude_unset=True)",
        "from pydantic import BaseModel\nclass C(BaseModel):\n    a: int = 1\nX = C()\n",
        ("C()", "C(a=1)"),
        needs=("pydantic",),
        layer=VALUES,
    ),
    beside(
        "pydantic-computed-field",
        "return C(a=1).b",
        "from pydantic import BaseModel, computed_field\nclass C(BaseModel):\n    a: int\n    @computed_field\n    @property\n    def b(self) -> int: return self.a + 1\n",
        ("+ 1", "+ 2"),
        needs=("pydantic",),
    ),
    beside(
        "pydantic-model-config",
        "return C(a=' x ').a",
        "from pydantic import BaseModel, ConfigDict\nclass C(BaseModel):\n    model_config = ConfigDict(str_strip_whitespace=True)\n    a: str\n",
        ("=True", "=False"),
        needs=("pydantic",),
    ),
    beside(
        "pydantic-type-adapter",
        "return A.validate_python('1')",
        "from pydantic import TypeAdapter\nA = TypeAdapter(int)\n",
        ("(int)", "(str)"),
        needs=("pydantic",),
        layer=VALUES,
    ),
    beside(
        "pydantic-annotated-alias",
        "return C(a=1).a",
        "from typing import Annotated\nfrom pydantic import AfterValidator, BaseModel\nScaled = Annotated[int, AfterValidator(lambda x: x * 2)]\nclass C(BaseModel):\n    a: Scaled\n",
        ("* 2", "* 3"),
        needs=("pydantic",),
    ),
    beside(
        "msgspec-struct",
        "return X.a",
        "import msgspec\nclass C(msgspec.Struct):\n    a: int\nX = C(1)\n",
        ("C(1)", "C(2)"),
        needs=("msgspec",),
        layer=VALUES,
    ),
    beside(
        "typed-dict-keys",
        "return sorted(C.__annotations__)",
        "from typing import TypedDict\nclass C(TypedDict):\n    a: int\n",
        ("    a: int", "    b: int"),
    ),
    # Descriptors, metaclasses, attribute hooks.
    beside(
        "property",
        "return C().rate",
        "class C:\n    @property\n    def rate(self): return 1\n",
        ("return 1", "return 2"),
    ),
    beside(
        "cached-property",
        "return C().rate",
        "import functools\nclass C:\n    @functools.cached_property\n    def rate(self): return 1\n",
        ("return 1", "return 2"),
    ),
    beside(
        "own-descriptor",
        "return C().rate",
        "class Rate:\n    def __init__(self, n): self.n = n\n    def __get__(self, obj, cls): return self.n * 2\nclass C:\n    rate = Rate(1)\n",
        ("* 2", "* 3"),
    ),
    beside(
        "descriptor-state",
        "return C().rate",
        "class Rate:\n    def __init__(self, n): self.n = n\n    def __get__(self, obj, cls): return self.n\nclass C:\n    rate = Rate(1)\n",
        ("Rate(1)", "Rate(2)"),
    ),
    work(
        "descriptor-elsewhere",
        "return C().rate",
        "from describing import Rate\nclass C:\n    rate = Rate()\n",
        files={"describing.py": "class Rate:\n    def __get__(self, obj, cls): return 1\n"},
        edits={"describing.py": ("return 1", "return 2")},
    ),
    beside(
        "set-name",
        "return C.__dict__['rate'].name",
        "class Rate:\n    def __set_name__(self, owner, name): self.name = name + '1'\nclass C:\n    rate = Rate()\n",
        ("'1'", "'2'"),
    ),
    beside(
        "init-subclass",
        "return C.rate",
        "class Base:\n    def __init_subclass__(cls, rate=0): cls.rate = rate + 1\nclass C(Base, rate=1): pass\n",
        ("+ 1", "+ 2"),
    ),
    beside(
        "class-keyword",
        "return C.rate",
        "class Base:\n    def __init_subclass__(cls, rate=0): cls.rate = rate\nclass C(Base, rate=1): pass\n",
        ("rate=1)", "rate=2)"),
    ),
    beside(
        "metaclass-call",
        "return C().n",
        "class Meta(type):\n    def __call__(cls):\n        made = super().__call__()\n        made.n = 1\n        return made\nclass C(metaclass=Meta): pass\n",
        ("n = 1", "n = 2"),
    ),
    beside(
        "metaclass-property",
        "return C.rate",
        "class Meta(type):\n    @property\n    def rate(cls): return 1\nclass C(metaclass=Meta): pass\n",
        ("return 1", "return 2"),
    ),
    helping(
        "metaclass-elsewhere",
        "return C.rate",
        """
        class Meta(type):
            def __getattr__(cls, name): return 1
        class C(metaclass=Meta): pass
        """,
        ("return 1", "return 2"),
        "C",
    ),
    beside(
        "class-getattr",
        "return X.rate",
        "class C:\n    def __getattr__(self, name): return 1\nX = C()\n",
        ("return 1", "return 2"),
    ),
    beside(
        "class-getitem",
        "return C[1]",
        "class C:\n    def __class_getitem__(cls, n): return n\n",
        ("return n", "return n + 1"),
    ),
    beside(
        "slots-object",
        "return X.a",
        "class C:\n    __slots__ = ('a',)\n    def __init__(self, a): self.a = a\nX = C(1)\n",
        ("C(1)", "C(2)"),
        layer=VALUES,
    ),
    helping(
        "serialize-method-class",
        "return X.f()",
        """
        class T:
            __slots__ = ("v",)
            __version__ = 1
            def __init__(self, v): self.v = v
            def serialize(self): return {"v": self.v}
            @staticmethod
            def deserialize(d, version): return T(d["v"])
            def f(self): return self.v * 2
        X = T(1)
        """,
        ("* 2", "* 3"),
        "X",
        layer=VALUES,
    ),
    helping(
        "serialize-leaves-something-out",
        "return X.rate",
        """
        class T:
            __version__ = 1
            def __init__(self, v, rate): self.v, self.rate = v, rate
            def serialize(self): return {"v": self.v}
            @staticmethod
            def deserialize(d, version): return T(d["v"], 0)
        X = T(1, 1)
        """,
        ("T(1, 1)", "T(1, 2)"),
        "X",
        layer=VALUES,
    ),
    beside(
        "state-behind-a-property",
        "return X.rate",
        "class C:\n    def __init__(self): self._cell = [1]\n    @property\n    def rate(self): return self._cell[0]\nX = C()\n",
        ("[1]", "[2]"),
        layer=VALUES,
    ),
    beside(
        "state-in-a-class-attribute",
        "return C.registry['a']",
        "class C:\n    registry = {}\nC.registry['a'] = 1\n",
        ("= 1", "= 2"),
    ),
    beside(
        "state-in-a-closure-of-a-class",
        "return C().get()",
        "def make(n):\n    class C:\n        def get(self): return n\n    return C\nC = make(1)\n",
        ("make(1)", "make(2)"),
    ),
    beside("class-made-by-type", "return C.rate", "C = type('C', (), {'rate': 1})\n", ("'rate': 1", "'rate': 2")),
    beside(
        "class-decorator",
        "return C.rate",
        "def rated(cls):\n    cls.rate = 1\n    return cls\n@rated\nclass C: pass\n",
        ("rate = 1", "rate = 2"),
    ),
    beside(
        "class-method-replaced",
        "return C().get()",
        "class C:\n    def get(self): return 0\nC.get = lambda self: 1\n",
        ("self: 1", "self: 2"),
    ),
    beside(
        "instance-method-replaced",
        "return X.get()",
        "class C:\n    def get(self): return 0\nX = C()\nX.get = lambda: 1\n",
        ("lambda: 1", "lambda: 2"),
        layer=VALUES,
    ),
    beside(
        "singleton-with-state",
        "return C.instance().rate",
        "class C:\n    _one = None\n    def __init__(self): self.rate = 1\n    @classmethod\n    def instance(cls):\n        if cls._one is None: cls._one = cls()\n        return cls._one\n",
        ("rate = 1", "rate = 2"),
    ),
    beside(
        "abstract-and-concrete",
        "return X.run()",
        "import abc\nclass Base(abc.ABC):\n    @abc.abstractmethod\n    def run(self): ...\nclass A(Base):\n    def run(self): return 1\nclass B(Base):\n    def run(self): return 2\nX = A()\n",
        ("X = A()", "X = B()"),
        layer=VALUES,
    ),
    beside(
        "subclasses-of-a-base",
        "return sorted(c.rate for c in Base.__subclasses__())",
        "class Base: pass\nclass A(Base):\n    rate = 1\n",
        ("    rate = 1", "    rate = 1\nclass B(Base):\n    rate = 2"),
    ),
    beside(
        "inherits-a-helper-class",
        "return Child().get()",
        "from basing import Base\nclass Child(Base): pass\n",
        ("class Child(Base): pass", "class Child(Base):\n    def get(self): return 5"),
        files={"basing.py": "class Base:\n    def get(self): return 1\n"},
    ),
    beside(
        "operator-overloading",
        "return (V(1) + V(2)).n",
        "class V:\n    def __init__(self, n): self.n = n\n    def __add__(self, other): return V(self.n + other.n)\n",
        ("self.n + other.n", "self.n - other.n"),
    ),
    beside(
        "context-manager-class",
        "with C() as n:\n    return n",
        "class C:\n    def __enter__(self): return 1\n    def __exit__(self, *_): return False\n",
        ("return 1", "return 2"),
    ),
    beside(
        "dunder-attribute-of-a-class",
        "return C.__rate__",
        "class C:\n    __rate__ = 1\n",
        ("__rate__ = 1", "__rate__ = 2"),
    ),
    beside("doc-string-that-is-read", "return C.__doc__", "class C:\n    'one'\n", ("'one'", "'two'")),
    beside(
        "annotations-that-are-read",
        "return C.__annotations__['a'].__name__",
        "class C:\n    a: int\n",
        ("a: int", "a: str"),
    ),
    beside(
        "generic-alias",
        "return typing.get_args(X)[0].rate",
        "import typing\nclass A:\n    rate = 1\nX = list[A]\n",
        ("rate = 1", "rate = 2"),
        layer=VALUES,
    ),
    beside(
        "generic-class",
        "return Box[int](1).get()",
        "from typing import Generic, TypeVar\nT = TypeVar('T')\nclass Box(Generic[T]):\n    def __init__(self, n): self.n = n\n    def get(self): return self.n + 1\n",
        ("+ 1", "+ 2"),
    ),
    beside(
        "protocol-check",
        "return isinstance(1, P)",
        "from typing import Protocol, runtime_checkable\n@runtime_checkable\nclass P(Protocol):\n    def bit_length(self): ...\n",
        ("bit_length", "no_such_thing"),
    ),
    *(
        work(
            f"msgspec-option-{option.partition('=')[0].replace('_', '-')}",
            body,
            f"import msgspec\nclass C(msgspec.Struct, {option}):\n    my_x: int = 1\n",
            edit=(option, other),
            needs=("msgspec",),
        )
        for option, other, body in (
            ("rename='camel'", "rename='pascal'", ENCODED),
            ("tag='a'", "tag='b'", ENCODED),
            ("omit_defaults=True", "omit_defaults=False", ENCODED),
            (
                "forbid_unknown_fields=True",
                "forbid_unknown_fields=False",
                DECODED,
            ),
        )
    ),
)
