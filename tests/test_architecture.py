"""Imports go one way, nothing needs trust to load, and only the store writes to a run."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("spaces", "search", "analysis")
FILES = sorted(
    [ROOT / "run_search.py", *(file for name in PACKAGES for file in (ROOT / name).rglob("*.py"))]
)
# Run by hand, so what is true of all code is held here for them, too.
BENCHMARKS = sorted((ROOT / "benchmarks").rglob("*.py"))

# What each may import of this project. The command line knows the strategies by name, to refuse
# an unknown one and to list them all: so it reads the registry, too.
ALLOWED = {
    "run_search": {"search", "analysis", "spaces"},
    "search": {"search", "spaces"},
    "analysis": {"analysis", "search.store"},
    "spaces": {"spaces"},
}


def modules(tree):
    """Yields every module that a file imports, within functions too, with what is taken of it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, None
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where they go"
            for alias in node.names:
                yield node.module, alias.name
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in ("__import__", "importlib.import_module", "import_module"):
                argument = node.args[0]
                yield (argument.value if isinstance(argument, ast.Constant) else "?"), None


def layer(file):
    return file.relative_to(ROOT).parts[0].removesuffix(".py")


def parse(file):
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def of_project(module):
    return module.split(".")[0] in (*PACKAGES, "run_search", "tests", "benchmarks")


def imports(file):
    """This project's modules that a file imports; `from search import store`: `search.store`."""
    found = set()
    for module, name in modules(parse(file)):
        if of_project(module):
            inner = name and (ROOT / module.replace(".", "/") / f"{name}.py").exists()
            found.add(f"{module}.{name}" if inner else module)
    return found


def test_the_files_are_found():
    assert {layer(file) for file in FILES} == set(ALLOWED)
    assert len(FILES) > 20
    assert "search.store" in imports(ROOT / "analysis" / "run.py")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_go_one_way(file):
    allowed = ALLOWED[layer(file)]
    for module in imports(file):
        assert module in allowed or module.split(".")[0] in allowed, module


def test_modules_import_each_other_without_a_circle():
    """Within a package, too; imports for type checkers alone do not count."""
    graph = {}
    for file in FILES:
        tree = parse(file)
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                node.body = [ast.Pass()]
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        graph[name] = set()
        for module, inner in modules(tree):
            whole = f"{module}.{inner}"
            path = ROOT / whole.replace(".", "/")
            graph[name].add(whole if path.with_suffix(".py").exists() else module)

    def visit(name, path):
        assert name not in path, " -> ".join([*path, name])
        for other in graph.get(name, ()):
            visit(other, [*path, name])

    for name in graph:
        visit(name, [])


# The rooms of each package, from the ground up: a room imports from those before it alone. Within a
# folder the files do likewise, in an order of their own (no circle: above).
FLOORS = {
    "spaces": (
        *("scans", "values", "strategy", "python_code", "runtime_patches", "blocks"),
        *("strategies", "training", "cost", "hypermodel", "design", "source"),
    ),
    "search": (
        *("wording", "metric", "validation", "epochs", "looks", "fields", "experiment"),
        *("execution", "files", "schema"),
        *("rows", "ranking", "saved", "environment", "devices", "store", "contenders"),
        *(
            "tally",
            "forecast",
            "reliability",
            "data",
            "hyperband",
            "training",
            "workers",
            "terminal",
        ),
        *(
            "run_images",
            "plan",
            "budget",
            "search_spaces",
            "costs",
            "dispatch",
            "trainings",
            "report_images",
            "tuner",
            "baselines",
            "calibration",
            "finals",
        ),
        *("designs", "extension", "warm_start", "options", "asked", "new_run"),
    ),
    "analysis": ("formatting", "run", "example", "statistics", "report", "__main__"),
    "analysis.report": (
        *("style", "elements", "findings", "evidence", "tested", "sections"),
        *("render", "write", "live", "comparison"),
    ),
}


def rooms(file, package):
    """(this file's room, the rooms of the package that it imports from)."""
    depth = len(package.split("."))
    parts = file.relative_to(ROOT).with_suffix("").parts
    taken = set()
    for module in imports(file):
        words = module.split(".")
        if module.startswith(f"{package}.") and len(words) > depth:
            taken.add(words[depth])
    return parts[depth], taken - {parts[depth]}


@pytest.mark.parametrize("package", FLOORS)
def test_a_room_imports_from_the_floors_below(package):
    floors, folder = FLOORS[package], ROOT / package.replace(".", "/")
    there = {path.stem for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert there - {"__init__", "__pycache__", "templates"} == set(floors)
    for file in folder.rglob("*.py"):
        room, taken = rooms(file, package)
        if room != "__init__":
            for other in taken:
                assert floors.index(other) < floors.index(room), f"{file}: {other}"


def test_sections_import_no_other_section():
    folder = ROOT / "analysis" / "report" / "sections"
    allowed = ("elements", "style", "findings", "evidence", "tested")
    for file in folder.glob("*.py"):
        for module in imports(file):
            if module.startswith("analysis.report") and file.name != "__init__.py":
                assert module.split(".")[2] in allowed, f"{file.name}: {module}"


def words_and_figures(tree):
    """Yields what statistics must not hold: a sentence, a figure, and the modules that make them.

    An f-string is one text: its pieces may be short where the whole is a sentence.
    """
    for module, _ in modules(tree):
        if module.split(".")[0] in ("matplotlib", "seaborn", "PIL", "rich"):
            yield module
        if module.startswith(("analysis.formatting", "analysis.report")):
            yield module
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ("plot", "hist", "boxplot", "style"):
            yield ast.unparse(node)  # pandas draws, too
    silent = {id(text) for text in (*documentation(tree), *raised(tree))}
    pieces = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    for node in ast.walk(tree):
        text = told(node) if id(node) not in silent | pieces else ""
        if len(re.findall(r"[^\W\d]{2,}", text)) > 2:
            yield text


def told(node):
    """The text of a string, of an f-string with a word for each value, or nothing."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            part.value if isinstance(part, ast.Constant) else "value" for part in node.values
        )
    return ""


def test_statistics_know_no_words_and_no_figures():
    """Frames and decisions: what they mean is said, and drawn, in the report."""
    for file in (ROOT / "analysis" / "statistics").glob("*.py"):
        assert not list(words_and_figures(parse(file))), file.name


@pytest.mark.parametrize(
    "source",
    [
        "run.trials.plot.scatter('x', 'y')",
        "frame.hist()",
        "import seaborn as sns",
        "import matplotlib.pyplot",
        "from analysis.report import style",
        "said = 'this is more than chance'",
        "said = f'{name} wins by {points} points here'",
        "said = f'of {a} in {b}: {c}'",
        "said = f'{one} is {by} better'",
        "print('a', f'{count} of {all} are tied')",
    ],
)
def test_words_and_figures_would_be_found(source):
    assert list(words_and_figures(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        '"""This docstring explains what is computed here."""',
        "raise ValueError(f'there is no such measure: {name}')",
        "key = f'{name}_epochs'",
        "frame['mean rank']",
        "name = '-'.join(parts)",
    ],
)
def test_names_and_errors_are_no_sentences(source):
    assert not list(words_and_figures(ast.parse(source)))


def documentation(tree):
    """Yields the texts that are docstrings, of attributes too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value


def raised(tree):
    """Yields the texts of errors, which a programmer reads."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise):
            yield from (p for p in ast.walk(node) if isinstance(p, ast.Constant | ast.JoinedStr))


# What reaches the network, or the disk, by the module that it is in.
NETWORK = {
    *("socket", "ssl", "http", "urllib", "urllib3", "requests", "httpx", "aiohttp", "ftplib"),
    *("smtplib", "telnetlib", "xmlrpc", "asyncio", "grpc", "paramiko", "distributed", "dask"),
    *("tensorflow_datasets", "huggingface_hub", "webbrowser"),
}
DISK = {
    *("sqlite3", "filelock", "shutil", "glob", "fileinput", "zipfile", "tarfile", "gzip", "bz2"),
    *("lzma", "h5py", "dbm", "mmap", "logging", "csv", "subprocess", "multiprocessing"),
}
# Calls, by their last name, that write, read or remove a file, or fetch one.
TOUCHING = {
    *("open", "fdopen", "read_bytes", "write_bytes", "read_text", "write_text", "mkdir"),
    *("makedirs", "unlink", "rename", "renames", "rmdir", "removedirs", "rmtree", "touch"),
    *("truncate", "rglob", "iterdir", "listdir", "scandir", "walk", "stat", "exists", "is_file"),
    *("is_dir", "symlink_to", "hardlink_to", "symlink", "link", "chmod", "chown", "copyfile"),
    *("copytree", "save", "savez", "savez_compressed", "savetxt", "tofile", "fromfile", "load"),
    *("loadtxt", "genfromtxt", "memmap", "dump", "save_model", "load_model", "save_weights"),
    *("load_weights", "export", "save_img", "load_img", "get_file", "load_data", "urlopen"),
    *("urlretrieve", "read_csv", "to_csv", "to_json", "to_pickle", "read_parquet", "to_parquet"),
    *("to_hdf", "image_dataset_from_directory", "read_file", "write_file", "ModelCheckpoint"),
    *("CSVLogger", "TensorBoard", "BackupAndRestore", "system", "popen", "Popen", "savefig"),
    *("imread", "imsave", "Path"),
}
# Of `os` all the rest touches the disk.
ASKING = {"environ", "getpid", "cpu_count", "fspath"}


def reaches_out(tree):
    """Yields what touches the network, or a file that is not in a temporary folder."""
    for module, name in modules(tree):
        if module.split(".")[0] in NETWORK | DISK:
            yield module
        if module == "os" and name and name not in ASKING:
            yield f"os.{name}"
    sheltered = set()
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
            if any(called(call).endswith("TemporaryDirectory") for call in calls):
                sheltered |= {id(call) for call in calls}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and id(node) not in sheltered:
            first, *others = called(node).split(".")
            of_os = first == "os" and others[0] not in ASKING
            if of_os or [first, *others][-1] in TOUCHING:
                yield called(node)


def called(call):
    return ast.unparse(call.func)


@pytest.mark.parametrize("folder", ["spaces", "search/training"])
def test_what_trains_touches_no_disk_but_temporary_files_and_no_network(folder):
    for file in (ROOT / folder).rglob("*.py"):
        assert not list(reaches_out(parse(file))), file
        ours = {module for module in imports(file) if module.startswith("search.")}
        assert not {m for m in ours if m.split(".")[1] in ("store", "files", "workers")}, file


@pytest.mark.parametrize(
    "source",
    [
        "import requests",
        "from urllib.request import urlopen",
        "def f():\n    import socket",
        "keras.utils.get_file(url)",
        "keras.datasets.mnist.load_data()",
        "np.savez(path, x=x)",
        "np.load(path)",
        "x.tofile(path)",
        "os.remove(path)",
        "os.rename(path, other)",
        "os.replace(path, other)",
        "os.system('ls')",
        "pathlib.Path(path)",
        "Path(path).touch()",
        "from os import remove",
        "path.write_text('')",
        "open(path)",
        "model.save(path)",
        "model.save_weights(path)",
        "frame.to_csv(path)",
        "keras.callbacks.ModelCheckpoint(path)",
        "tf.io.read_file(path)",
    ],
)
def test_what_reaches_out_would_be_found(source):
    assert list(reaches_out(ast.parse(source)))


def test_a_temporary_file_is_none_of_it():
    source = (
        "def content(model):\n"
        "    with tempfile.TemporaryDirectory() as folder:\n"
        "        model.save(folder)\n"
    )
    assert not list(reaches_out(ast.parse(source)))
    assert not list(reaches_out(ast.parse("os.environ.get('X')\nnames.remove(x)")))


# Why a file has no tests at the path that is its own.
TESTED_ELSEWHERE = {
    "run_search.py": "tests/test_command_line.py runs it as a user does",
    "spaces/strategies/": "one contract holds for them all: tests/spaces/test_strategies.py",
    "search/workers/": "every kind of worker passes tests/search/workers/test_workers.py",
}


def test_a_module_has_its_tests_at_its_own_path():
    for file in FILES:
        name = file.relative_to(ROOT)
        mirrored = ROOT / "tests" / name.with_name(f"test_{name.name}")
        elsewhere = any(name.as_posix().startswith(place) for place in TESTED_ELSEWHERE)
        assert file.stem == "__init__" or mirrored.exists() or elsewhere, name


def test_a_file_of_tests_is_that_of_a_module():
    """Or of a folder's registry, or of what no single module does."""
    whole = {"test_registry", "test_all", "test_browser", "test_of_odd_runs", "test_scale"}
    whole |= {"test_strategies", "test_tutorial_mistakes", "test_workers"}
    for package in PACKAGES:
        for file in (ROOT / "tests" / package).rglob("test_*.py"):
            name = file.relative_to(ROOT / "tests")
            module = ROOT / name.with_name(name.name.removeprefix("test_"))
            assert module.exists() or file.stem in whole, name


@pytest.mark.parametrize("file", BENCHMARKS, ids=lambda file: str(file.relative_to(ROOT)))
def test_what_a_benchmark_imports_of_ours_is_there(file):
    """Within functions, too, where an import fails only when somebody measures."""
    for module, name in modules(parse(file)):
        if of_project(module):
            path = ROOT / module.replace(".", "/")
            if name and ((path / f"{name}.py").exists() or (path / name).is_dir()):
                continue
            own = path.with_suffix(".py")
            own = own if own.exists() else path / "__init__.py"
            assert own.exists(), module
            assert name is None or name in defined(parse(own)), f"{module}: {name}"


def defined(tree):
    """The names that a module has: what it defines, assigns and imports at its top."""
    names = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        else:
            names |= {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return names


@pytest.mark.parametrize(
    "file", [*FILES, *BENCHMARKS], ids=lambda file: str(file.relative_to(ROOT))
)
def test_a_file_reads_in_one_go(file):
    most = 200 if "sections" in file.parts else 400
    assert len(file.read_text(encoding="utf-8").splitlines()) <= most


@pytest.mark.parametrize(
    "file", [*FILES, *BENCHMARKS], ids=lambda file: str(file.relative_to(ROOT))
)
def test_nothing_needs_trust(file):
    """No pickle, no code in a saved model, no evaluation of text."""
    tree = parse(file)
    taken = {module.split(".")[0] for module, _ in modules(tree)}
    assert not taken & {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = ast.unparse(node.func)
            assert function.split(".")[-1] not in ("Lambda", "enable_unsafe_deserialization")
            assert function not in ("eval", "exec", "pd.read_pickle", "pandas.read_pickle")
            for keyword in node.keywords:
                if keyword.arg in ("allow_pickle", "safe_mode"):
                    said = ast.unparse(keyword.value)
                    assert said == {"allow_pickle": "False", "safe_mode": "True"}[keyword.arg]
            if function.split(".")[-1] == "load_model" and function != "self.load_model":
                assert "safe_mode" in {keyword.arg for keyword in node.keywords}


@pytest.mark.parametrize("folder", ["spaces", "search/training"])
def test_nothing_that_is_private_to_keras_is_replaced(folder):
    for file in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(parse(file)):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
                assert not node.attr.startswith("_") or ast.unparse(node.value) == "self", (
                    f"{file.name}: {ast.unparse(node)}"
                )


def test_only_the_store_opens_and_locks_the_results():
    opening = {
        file.relative_to(ROOT).as_posix()
        for file in FILES
        for node in ast.walk(parse(file))
        if isinstance(node, ast.Attribute)
        and ast.unparse(node) in ("sqlite3.connect", "filelock.FileLock")
    }
    assert opening == {"search/saved.py", "search/store.py"}


def test_only_the_store_names_the_files_of_a_run():
    names = {"experiment.json", "results.sqlite", "checkpoints", "designs", ".lock"}
    found = {
        file.relative_to(ROOT).as_posix()
        for file in FILES
        for node in ast.walk(parse(file))
        if isinstance(node, ast.Constant) and node.value in names
    }
    assert found == {"search/files.py", "search/store.py"}


def test_models_are_built_of_stock_layers():
    """No class of ours that a loaded model would need."""
    for file in (ROOT / "spaces").rglob("*.py"):
        for node in ast.walk(parse(file)):
            if isinstance(node, ast.ClassDef):
                for base in map(ast.unparse, node.bases):
                    assert base.split(".")[-1] not in ("Layer", "Model", "Wrapper", "LSTMCell")


@pytest.mark.parametrize("module", ["analysis", "analysis.report.write", "analysis.__main__"])
def test_the_analysis_needs_neither_backend_nor_workers(module):
    code = (
        f"import sys, {module}\n"
        "heavy = {'keras', 'keras_tuner', 'tensorflow', 'jax', 'torch', 'dask', 'distributed'}\n"
        "print(sorted(heavy & sys.modules.keys()))\n"
        "print(sorted(name for name in sys.modules if name.split('.')[0] == 'search'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        check=True,
    )
    heavy, ours = map(ast.literal_eval, done.stdout.splitlines())
    assert heavy == []
    assert ours == [
        *("search", "search.epochs", "search.experiment", "search.fields", "search.files"),
        "search.looks",
        *("search.metric", "search.ranking", "search.rows", "search.saved", "search.schema"),
        *("search.store", "search.validation", "search.wording"),
    ]


def test_the_command_line_answers_without_a_backend():
    """`--help` and a mistyped option wait for no TensorFlow."""
    code = (
        "import sys, run_search\n"
        "try:\n    run_search.main(['--help'])\n"
        "except SystemExit:\n    pass\n"
        "print('tensorflow' in sys.modules, 'keras' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "False False"
