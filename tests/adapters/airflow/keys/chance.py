"""Chance: by names that anybody knows, by others, and behind what is called; and what has a seed."""

from __future__ import annotations

from adapters.airflow.keys.case import HIT, NEVER, Case
from adapters.airflow.keys.clocks import clock

__all__ = ["CASES"]

CASES: tuple[Case, ...] = (
    # Chance.
    clock("chance-random", "import random\nreturn random.random()", worst=True),
    clock("chance-system-random", "import random\nreturn random.SystemRandom().random()"),
    clock("chance-unseeded-generator", "return RNG.random()", "import random\nRNG = random.Random()\n"),
    clock(
        "chance-numpy-unseeded",
        "return float(np.random.default_rng().normal())",
        "import numpy as np",
        needs=("numpy",),
    ),
    clock("chance-numpy-global", "return float(np.random.rand())", "import numpy as np", needs=("numpy",)),
    clock(
        "chance-frame-sample",
        "return pd.Series(range(10**6)).sample(3).tolist()",
        "import pandas as pd",
        needs=("pandas",),
    ),
    clock(
        "chance-split",
        "return train_test_split(list(range(1000)))[0][:5]",
        "from sklearn.model_selection import train_test_split",
        needs=("sklearn",),
    ),
    clock(
        "chance-forest",
        "return RandomForestClassifier(n_estimators=3).fit(X, Y).predict_proba(X).tolist()",
        "from sklearn.ensemble import RandomForestClassifier\nX = [[i % 7, i % 5] for i in range(40)]\nY = [i % 2 for i in range(40)]\n",
        needs=("sklearn",),
    ),
    clock("chance-scipy", "return float(norm.rvs())", "from scipy.stats import norm", needs=("scipy",)),
    clock("chance-uuid", "import uuid\nreturn str(uuid.uuid4())"),
    clock("chance-secrets", "import secrets\nreturn secrets.token_hex()"),
    clock("chance-of-an-id", "return id(C())", "class C: pass\n", expect=NEVER),
    clock("chance-of-a-process", "import os\nreturn os.getpid()"),
    clock("chance-of-a-temporary-name", "import tempfile\nreturn tempfile.mktemp()"),
    clock("chance-of-a-thread-id", "import threading\nreturn threading.get_native_id()"),
    clock("chance-of-an-urandom-file", "with open('/dev/urandom', 'rb') as f:\n    return f.read(8).hex()"),
    clock("chance-of-openssl", "import ssl\nreturn ssl.RAND_bytes(8).hex()"),
    clock("chance-of-a-text-hash", "return hash('a')", expect=NEVER),
    clock("chance-of-the-machine", "import platform\nreturn platform.node()", expect=NEVER),
    clock("chance-of-the-number-of-processors", "import os\nreturn os.cpu_count()", expect=NEVER),
    clock("chance-of-a-mail", "return MIMEMultipart().as_string()", "from email.mime.multipart import MIMEMultipart"),
    clock(
        "chance-of-fernet",
        "return Fernet(b'A' * 43 + b'=').encrypt(b'x').decode()",
        "from cryptography.fernet import Fernet",
        needs=("cryptography",),
    ),
    clock(
        "chance-of-a-private-key",
        "from cryptography.hazmat.primitives.asymmetric import ed25519\nreturn ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw().hex()",
        needs=("cryptography",),
    ),
    # Chance behind what is called: seeds that turn out to be None, and libraries that draw by themselves.
    *(
        clock(f"chance-of-{name}", body, f"import random\nCFG = {{}}\nSEED = None\n{top}", needs=needs, **more)
        for name, body, top, needs, more in (
            ("a-seed-that-is-none", "return random.Random(seed).random()", "", (), {"arguments": "seed=None"}),
            ("a-seed-of-no-config", "random.seed(CFG.get('seed'))\nreturn random.random()", "", (), {}),
            ("a-seed-in-a-branch", "if CFG: random.seed(1)\nreturn random.random()", "", (), {}),
            (
                "numpy-without-a-seed",
                "return np.random.default_rng(SEED).random()",
                "import numpy as np",
                ("numpy",),
                {},
            ),
            (
                "a-state-of-no-config",
                "return pd.Series(range(1000)).sample(5, random_state=SEED).tolist()",
                "import pandas as pd",
                ("pandas",),
                {},
            ),
            (
                "a-split-of-no-config",
                "return train_test_split(list(range(1000)), random_state=CFG.get('seed'))[0][:5]",
                "from sklearn.model_selection import train_test_split",
                ("sklearn",),
                {},
            ),
            (
                "a-sampler",
                "study = optuna.create_study()\nstudy.optimize(lambda t: t.suggest_float('x', 0, 1), n_trials=2)\nreturn study.best_params",
                "import optuna",
                ("optuna",),
                {},
            ),
        )
    ),
    # Seeded: no chance.
    *(
        clock(f"seeded-{name}", body, f"CFG = {{'seed': 3}}\n{top}", expect=HIT, needs=needs)
        for name, body, top, needs in (
            ("by-a-config", "random.seed(CFG['seed'])\nreturn random.random()", "import random", ()),
            (
                "split-by-a-config",
                "return train_test_split(list(range(100)), random_state=CFG['seed'])[0][:5]",
                "from sklearn.model_selection import train_test_split",
                ("sklearn",),
            ),
            (
                "estimator-that-needs-none",
                "return SVC().fit([[0], [1]], [0, 1]).predict([[2]]).tolist()",
                "from sklearn.svm import SVC",
                ("sklearn",),
            ),
            (
                "numpy-in-the-body",
                "import numpy as np\nnp.random.seed(1)\nreturn float(np.random.rand())",
                "",
                ("numpy",),
            ),
            (
                "format-of-a-whole-date",
                "return str(pendulum.from_format('2024-01-02', 'YYYY-MM-DD'))",
                "import pendulum",
                (),
            ),
        )
    ),
    clock(
        "seeded-numpy",
        "rng = np.random.default_rng(42)\nreturn float(rng.normal())",
        "import numpy as np",
        expect=HIT,
        needs=("numpy",),
    ),
    clock("seeded-random", "import random\nreturn random.Random(7).random()", expect=HIT),
    clock(
        "seeded-by-an-argument",
        "import random\nreturn random.Random(seed).random()",
        arguments="seed",
        call="7",
        expect=HIT,
    ),
    clock(
        "seeded-split",
        "return train_test_split(list(range(100)), random_state=0)[0][:5]",
        "from sklearn.model_selection import train_test_split",
        expect=HIT,
        needs=("sklearn",),
    ),
    clock(
        "seed-changes",
        "return float(np.random.default_rng(SEED).normal())",
        "import numpy as np\nSEED = 1\n",
        edit=("SEED = 1", "SEED = 2"),
        needs=("numpy",),
    ),
    clock("name-based-uuid", "import uuid\nreturn str(uuid.uuid5(uuid.NAMESPACE_DNS, 'a'))", expect=HIT),
)
