"""What a run's SQLite file holds: its tables, whose columns are a promise.

What a row of each is, `search.rows` says.
"""

from __future__ import annotations

SCHEMA_VERSION = 1

# People query this file, so its columns are a promise: add, never rename. (docs: the README.)
SCHEMA = """
CREATE TABLE datasets (            -- one row a data set: what the report needs to know of it
    dataset TEXT PRIMARY KEY,
    height INTEGER, width INTEGER, channels INTEGER,
    train_images INTEGER, validation_images INTEGER, test_images INTEGER,
    class_names TEXT,              -- JSON list; a label is an index into it
    mirror INTEGER,                -- 1 where a mirror image keeps its class
    test_labels BLOB,              -- little-endian uint16 a test image; NULL until the finals
    notes TEXT,                    -- JSON list: what was done to the images, and passed over
    reading TEXT,                  -- what images are made to be: size, mode, range
    parts TEXT,                    -- JSON list: the splits that come with it as such
    test_copies INTEGER,           -- test images that are exact copies of others
    experiment TEXT,               -- JSON: what was asked for, extensions included
    members_fingerprint TEXT,      -- BLAKE2b of the table `members`
    extensions INTEGER             -- to how many of the run's its tables were fitted
);
CREATE TABLE trials (
    trial_id TEXT PRIMARY KEY,
    parent_id TEXT,                -- the trial that this one continues; NULL in rung 0
    dataset TEXT NOT NULL,
    strategy TEXT NOT NULL,
    iteration INTEGER NOT NULL,
    bracket INTEGER NOT NULL,
    rung INTEGER NOT NULL,
    slot INTEGER NOT NULL,         -- that of the configuration in rung 0, kept on promotion
    seed INTEGER NOT NULL,
    hyperparameters TEXT NOT NULL, -- JSON object
    first_epoch INTEGER NOT NULL,  -- epochs already trained when the trial starts
    last_epoch INTEGER NOT NULL,   -- epochs trained when it ends
    status TEXT NOT NULL CHECK (status IN ('running', 'completed', 'failed')),
    score REAL,                    -- the metric on the validation images, at the rung's end
    val_loss REAL,
    parameters INTEGER,
    multiply_adds INTEGER,         -- for one image
    timesteps INTEGER,
    features INTEGER,
    train_seconds REAL,
    setup_seconds REAL,
    peak_memory_bytes INTEGER,
    worker TEXT,
    retries INTEGER NOT NULL DEFAULT 0,
    started REAL,                  -- seconds since 1970
    finished REAL,
    message TEXT                   -- why it failed
);
CREATE TABLE epochs (
    trial_id TEXT NOT NULL,        -- a trial's, or a final's: `<strategy>-final-<seed>`
    epoch INTEGER NOT NULL,        -- 1 is the first
    loss REAL, accuracy REAL, val_loss REAL, val_accuracy REAL,
    seconds REAL,
    val_score REAL,                -- the metric, where it is not accuracy
    PRIMARY KEY (trial_id, epoch)
);
CREATE TABLE finals (
    dataset TEXT NOT NULL,
    strategy TEXT NOT NULL,
    trial_id TEXT NOT NULL,        -- whose configuration
    seed INTEGER NOT NULL,         -- no two iterations share one
    status TEXT NOT NULL CHECK (status IN ('completed', 'failed')),
    test_accuracy REAL,
    test_loss REAL,
    train_seconds REAL,
    latency_ms REAL,               -- median time for one image, batch of one
    predictions BLOB,              -- little-endian uint16: the class predicted for each test image
    message TEXT,
    iteration INTEGER NOT NULL DEFAULT 0,  -- the search whose finalist it is
    test_score REAL,               -- the metric; NULL in runs older than this column
    image_scores BLOB,             -- little-endian float32: the share of each test image in it,
                                   -- whose mean it is; NULL for accuracy
    measures TEXT,                 -- JSON object: each metric's value, and `reliability`
    PRIMARY KEY (dataset, strategy, seed)
);
"""

# Columns that came later, likewise.
ADDED_COLUMNS = {
    "finals": {
        "iteration": "INTEGER NOT NULL DEFAULT 0",
        "test_score": "REAL",
        "image_scores": "BLOB",
        "measures": "TEXT",
    },
    "epochs": {"val_score": "REAL"},
    "baselines": {"test_score": "REAL", "image_scores": "BLOB", "measures": "TEXT"},
    "datasets": {
        "notes": "TEXT",
        "reading": "TEXT",
        "parts": "TEXT",
        "test_copies": "INTEGER",
        "experiment": "TEXT",
        "members_fingerprint": "TEXT",
        "extensions": "INTEGER",
    },
    "searches": {"finals": "INTEGER"},
}

# Tables that came later: made when a run is opened for writing, so an older run gets them too.
# A run that was last written before them has none, and readers find no rows.
ADDED_TABLES = {
    "images": """
CREATE TABLE IF NOT EXISTS images (     -- a few of the data set's, for the report to show
    dataset TEXT NOT NULL,
    split TEXT NOT NULL CHECK (split IN ('train', 'test')),
    position INTEGER NOT NULL,          -- in its split; for the test split also in `predictions`
    label INTEGER NOT NULL,             -- an index into `class_names`
    height INTEGER NOT NULL, width INTEGER NOT NULL, channels INTEGER NOT NULL,
    pixels BLOB NOT NULL,               -- uint8, row by row, a pixel's channels side by side
    PRIMARY KEY (dataset, split, position)
)""",
    "sequences": """
CREATE TABLE IF NOT EXISTS sequences (  -- where each finalist's timesteps lie in the image
    dataset TEXT NOT NULL,
    strategy TEXT NOT NULL,
    trial_id TEXT NOT NULL,             -- whose configuration
    height INTEGER NOT NULL, width INTEGER NOT NULL,
    timesteps BLOB NOT NULL,            -- little-endian uint16, row by row: the timestep that each
                                        -- pixel (or block of pixels, in a large image) reaches most
    PRIMARY KEY (dataset, strategy)
)""",
    "plans": """
CREATE TABLE IF NOT EXISTS plans (      -- the whole search of each strategy, if no trial fails
    dataset TEXT NOT NULL,
    strategy TEXT NOT NULL,
    trials INTEGER NOT NULL,
    epochs INTEGER NOT NULL,
    PRIMARY KEY (dataset, strategy)
)""",
    "strategies": """
CREATE TABLE IF NOT EXISTS strategies ( -- who competes, as the registry of that day had it
    strategy TEXT PRIMARY KEY,
    position INTEGER NOT NULL,          -- in the registry: its colour follows from it
    recurrent INTEGER NOT NULL,         -- 0 for a control, which has no recurrence
    summary TEXT NOT NULL
)""",
    "searches": """
CREATE TABLE IF NOT EXISTS searches (   -- a strategy's, written when all have ended
    dataset TEXT NOT NULL,
    strategy TEXT NOT NULL,
    iteration INTEGER NOT NULL,
    whole INTEGER NOT NULL,             -- 0 where the budget ended before its last trial
    finals INTEGER,                     -- trainings of its finalist, where the budget left time for
                                        -- fewer than were planned; NULL where it did not
    PRIMARY KEY (dataset, strategy, iteration)
)""",
    "members": """
CREATE TABLE IF NOT EXISTS members (    -- every image, those that are learnt from first
    dataset TEXT NOT NULL,
    position INTEGER NOT NULL,
    split TEXT NOT NULL CHECK (split IN ('train', 'validation', 'test', 'unused')),
    name TEXT NOT NULL,                 -- its path in the folder, or its place in an array
    label TEXT NOT NULL,                -- its class
    fingerprint TEXT NOT NULL,          -- BLAKE2b of its file, or of its pixels in an array
    PRIMARY KEY (dataset, position)
)""",
    "baselines": """
CREATE TABLE IF NOT EXISTS baselines (  -- what simple classifiers come to, on the same images
    dataset TEXT NOT NULL,
    baseline TEXT NOT NULL,
    label TEXT NOT NULL,                -- what it is called
    setting TEXT NOT NULL,              -- JSON object: what validation chose
    validation_score REAL NOT NULL,
    test_accuracy REAL NOT NULL,
    train_images INTEGER NOT NULL,      -- with those for validation, which it learns from at last
    seconds REAL NOT NULL,
    predictions BLOB NOT NULL,          -- little-endian uint16: the class of each test image
    test_score REAL,                    -- as in `finals`, like the next two
    image_scores BLOB,
    measures TEXT,
    PRIMARY KEY (dataset, baseline)
)""",
    "sessions": """
CREATE TABLE IF NOT EXISTS sessions (   -- a row each time that a process works on the run
    session INTEGER PRIMARY KEY,
    started REAL NOT NULL,              -- seconds since 1970
    ended REAL,                         -- NULL until then; for ever, where it was killed
    outcome TEXT                        -- 'finished', 'interrupted', or the error that ended it
)""",
}
FOR_THE_REPORT = ("images", "sequences", "baselines", "searches", "members")
"""The tables that are written for the report; of `searches` the finals read, too, and of `members`
a resume."""
