PRAGMA user_version = 14;

CREATE VIEW files AS
    SELECT
      CASE WHEN file.escaped IS NULL
        THEN pair.source || '/' || iif(directory.path = '', '', directory.path || '/') || file.name
        ELSE '$''' || replace(replace(pair.source, '\', '\\'), '''', '\''') || '/' ||
          file.escaped || '''' END AS source_path,
      CASE WHEN file.escaped IS NULL
        THEN pair.destination || '/' || iif(directory.path = '', '', directory.path || '/') ||
          file.name
        ELSE '$''' || replace(replace(pair.destination, '\', '\\'), '''', '\''') || '/' ||
          file.escaped || '''' END AS dest_path,
      birthtime AS created_at,
      ctime AS changed_at,
      mtime AS modified_at,
      printf('%04o %d:%d', mode, uid, gid) AS permissions,
      iif(hash IS NULL, NULL, lower(hex(hash))) AS hash,
      hash_algorithm,
      size,
      CASE status WHEN 1 THEN 'synced' ELSE 'pending' END AS status,
      file.error AS error,
      attempts
    FROM file JOIN directory ON directory.id = file.directory, pair
    WHERE kind = 0;

CREATE VIEW verifications AS
    SELECT
      CASE WHEN file.escaped IS NULL
        THEN pair.destination || '/' || iif(directory.path = '', '', directory.path || '/') ||
          file.name
        ELSE '$''' || replace(replace(pair.destination, '\', '\\'), '''', '\''') || '/' ||
          file.escaped || '''' END AS dest_path,
      CASE result WHEN 0 THEN 'as recorded' WHEN 1 THEN 'different' WHEN 2 THEN 'missing' WHEN 3 THEN 'unreadable' END AS result,
      detail,
      verified_at,
      verification,
      run
    FROM verified
      JOIN file ON file.directory = verified.directory AND file.name = verified.name
      JOIN directory ON directory.id = verified.directory, pair;

CREATE TRIGGER pending_changed
    AFTER UPDATE OF pending_files, pending_bytes, destination_state ON directory
    WHEN OLD.pending_files <> NEW.pending_files OR OLD.pending_bytes <> NEW.pending_bytes
      OR (NEW.pending_files > 0 AND OLD.destination_state <> NEW.destination_state)
    BEGIN
      UPDATE pending_total SET
        files = files + NEW.pending_files - OLD.pending_files,
        bytes = bytes + NEW.pending_bytes - OLD.pending_bytes,
        blocked_files = blocked_files
          + iif(NEW.destination_state = 3, NEW.pending_files, 0)
          - iif(OLD.destination_state = 3, OLD.pending_files, 0),
        blocked_bytes = blocked_bytes
          + iif(NEW.destination_state = 3, NEW.pending_bytes, 0)
          - iif(OLD.destination_state = 3, OLD.pending_bytes, 0);
    END;

CREATE TRIGGER pending_dropped AFTER DELETE ON directory WHEN OLD.pending_files > 0
    BEGIN
      UPDATE pending_total SET
        files = files - OLD.pending_files,
        bytes = bytes - OLD.pending_bytes,
        blocked_files = blocked_files
          - iif(OLD.destination_state = 3, OLD.pending_files, 0),
        blocked_bytes = blocked_bytes
          - iif(OLD.destination_state = 3, OLD.pending_bytes, 0);
    END;

CREATE TRIGGER verified_directory AFTER DELETE ON directory BEGIN
    DELETE FROM verified WHERE directory = OLD.id;  -- the number may be given out again
  END;

CREATE TABLE collision (                -- names of the source that the last scan refused
    directory INTEGER NOT NULL,
    name NOT NULL,
    kind INTEGER NOT NULL,
    other NOT NULL,                       -- the name for which the destination takes it
    PRIMARY KEY (directory, name)
  ) WITHOUT ROWID;

CREATE TABLE deletion (                 -- every removal, with what it rested on; kept
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL,
    path NOT NULL,                        -- relative to the roots
    kind INTEGER NOT NULL,
    size INTEGER NOT NULL,
    mtime INTEGER NOT NULL,
    deleted_at INTEGER NOT NULL,
    trash,                                -- full path; null: it is gone for good
    scan INTEGER NOT NULL,                -- the scan that did not find it at the source
    listed_at INTEGER,                    -- when the source's directory was listed without it
    missed_scans INTEGER NOT NULL,        -- complete scans in a row that missed it
    first_missed_at INTEGER,
    looked_at INTEGER,                    -- the look at the source before the removal,
    answer TEXT                           -- and what it brought; null: made by a run that was killed
  );

CREATE TABLE destination_trait (        -- what was found out about the destination by trying
    id INTEGER PRIMARY KEY CHECK (id = 1),
    root TEXT NOT NULL,                   -- inode number of the root
    kind TEXT NOT NULL,                   -- of the file system
    probed_at INTEGER NOT NULL,
    time_precision INTEGER NOT NULL,      -- nanoseconds, 0: none kept; the next two since the epoch
    time_earliest INTEGER,
    time_latest INTEGER,
    time_shifts TEXT NOT NULL             -- nanoseconds, separated by commas
  , hard_links INTEGER, link_times TEXT);

CREATE TABLE directory (
    id INTEGER PRIMARY KEY,
    parent INTEGER,                       -- null for the root
    name NOT NULL,
    path NOT NULL UNIQUE,                 -- relative to the root, '' is the root
    escaped TEXT,
    depth INTEGER NOT NULL,
    source_scan INTEGER NOT NULL DEFAULT 0,
    source_state INTEGER NOT NULL DEFAULT 0,
    destination_scan INTEGER NOT NULL DEFAULT 0,
    destination_state INTEGER NOT NULL DEFAULT 0,
    decided_scan INTEGER NOT NULL DEFAULT 0,
    source_content BLOB,                  -- fingerprints of the listings
    source_complete BLOB,
    destination_content BLOB,
    source_mtime INTEGER,                 -- nanoseconds since the epoch
    destination_mtime INTEGER,
    conflict INTEGER NOT NULL DEFAULT 0,
    pending_files INTEGER NOT NULL DEFAULT 0,  -- files and links
    pending_bytes INTEGER NOT NULL DEFAULT 0,
    touched INTEGER NOT NULL DEFAULT 0,   -- its times must be set when its content is done
    in_flight INTEGER NOT NULL DEFAULT 0, -- it may hold temporaries of a run that was killed
    source_error TEXT,                    -- why the listing failed, or what of it is missing
    destination_error TEXT
  , source_listed_at INTEGER, pass INTEGER NOT NULL DEFAULT 0, unsettled INTEGER NOT NULL DEFAULT 1);

CREATE TABLE emptied (                  -- source directories that lost all their entries at once
    directory INTEGER PRIMARY KEY,
    scan INTEGER NOT NULL,                -- the first that listed nothing in it
    files INTEGER NOT NULL,               -- what it had directly in it before
    directories INTEGER NOT NULL
  );

CREATE TABLE extra (                    -- at the destination, not at the source
    directory INTEGER NOT NULL,
    name NOT NULL,
    kind INTEGER NOT NULL,
    size INTEGER NOT NULL,
    mtime INTEGER NOT NULL,
    conflict INTEGER NOT NULL DEFAULT 0,  -- 1: the source has something of another kind here
    attempted INTEGER NOT NULL DEFAULT 0, -- its removal has begun
    PRIMARY KEY (directory, name)
  ) WITHOUT ROWID;

CREATE TABLE file (
    directory INTEGER NOT NULL,
    name NOT NULL,
    kind INTEGER NOT NULL,                -- 0 file, 1 symlink, 2 special, 3 directory
    status INTEGER NOT NULL,              -- 0 pending, 1 synced, 2 skipped
    reason INTEGER NOT NULL,
    scan INTEGER NOT NULL,
    size INTEGER NOT NULL,
    mtime INTEGER NOT NULL,               -- nanoseconds since the epoch, as the next two
    ctime INTEGER NOT NULL,
    birthtime INTEGER,
    mode INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    gid INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    target,
    hash BLOB,
    hash_algorithm TEXT,
    error TEXT,
    escaped TEXT,
    PRIMARY KEY (directory, name)
  ) WITHOUT ROWID;

CREATE TABLE hard_link (                -- names of files of the source that have several names
    directory INTEGER NOT NULL,
    name NOT NULL,
    device INTEGER NOT NULL,              -- unsigned numbers as signed ones
    inode INTEGER NOT NULL,
    waits INTEGER NOT NULL DEFAULT 0,     -- it is to be linked; its file has status 3
    PRIMARY KEY (directory, name)
  ) WITHOUT ROWID;

CREATE TABLE hard_link_there (          -- the same of the destination, as last listed or linked
    directory INTEGER NOT NULL,
    name NOT NULL,
    device INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    PRIMARY KEY (directory, name)
  ) WITHOUT ROWID;

CREATE TABLE listing (                  -- the destination's listings until both sides are known
    directory INTEGER NOT NULL,
    chunk INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (directory, chunk)
  ) WITHOUT ROWID;

CREATE TABLE missed (                   -- since when the source is known not to have an extra
    directory INTEGER NOT NULL,
    name NOT NULL,
    kind INTEGER NOT NULL,
    first_scan INTEGER NOT NULL,
    first_at INTEGER NOT NULL,            -- when that scan was complete
    last_scan INTEGER NOT NULL,
    last_at INTEGER NOT NULL,             -- when that scan began
    scans INTEGER NOT NULL,               -- complete ones in a row
    refused_run INTEGER,                  -- the last run that was to delete it and did not
    refused_at INTEGER,
    refused_why TEXT,
    PRIMARY KEY (directory, name)
  ) WITHOUT ROWID;

CREATE TABLE name_rules (               -- which names the destination takes for one
    id INTEGER PRIMARY KEY CHECK (id = 1),
    root TEXT NOT NULL,                   -- the inode number of the root that was probed
    rules TEXT NOT NULL,                  -- JSON: the rules that hold; {} keeps all names apart
    probed_at INTEGER NOT NULL,
    remains TEXT                          -- a temporary in the root that could not be removed
  );

CREATE TABLE outbox (                   -- audit lines, until they are known to be in the log
    sequence INTEGER PRIMARY KEY,         -- of the last line
    lines BLOB NOT NULL                   -- UTF-8
  );

CREATE TABLE outbox_written (           -- the lines up to this one are in the log
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sequence INTEGER NOT NULL
  );

CREATE TABLE pair (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    source TEXT NOT NULL,
    destination TEXT NOT NULL,
    created_at INTEGER NOT NULL           -- milliseconds since the epoch, as all *_at here
  );

CREATE TABLE parted (directory INTEGER PRIMARY KEY);

CREATE TABLE pending_total (            -- sums over all directories
    id INTEGER PRIMARY KEY CHECK (id = 1),
    files INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    blocked_files INTEGER NOT NULL,       -- of these, where the destination could not be listed
    blocked_bytes INTEGER NOT NULL
  );

CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    token TEXT NOT NULL,                  -- marks this run's temporaries
    pid INTEGER NOT NULL,
    host TEXT NOT NULL,
    version TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    exit_code INTEGER,
    resumed INTEGER NOT NULL,
    copied_files INTEGER NOT NULL DEFAULT 0,
    copied_bytes INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0
  );

CREATE TABLE scan (
    id INTEGER PRIMARY KEY,
    started_at INTEGER NOT NULL,
    finished_at INTEGER,
    source_root TEXT NOT NULL,            -- inode numbers: other ones later mean another directory
    destination_root TEXT NOT NULL,
    source_directories INTEGER NOT NULL DEFAULT 0,
    source_files INTEGER NOT NULL DEFAULT 0,
    source_bytes INTEGER NOT NULL DEFAULT 0,
    source_errors INTEGER NOT NULL DEFAULT 0,
    destination_directories INTEGER NOT NULL DEFAULT 0,
    destination_files INTEGER NOT NULL DEFAULT 0,
    destination_bytes INTEGER NOT NULL DEFAULT 0,
    destination_errors INTEGER NOT NULL DEFAULT 0
  );

CREATE TABLE scan_root (                -- which file systems the roots of a scan were on
    scan INTEGER NOT NULL,
    side TEXT NOT NULL,                   -- 'source', 'destination'
    type TEXT,                            -- nfs, ext4, ...
    fsid TEXT,                            -- the file system's own number, hexadecimal
    mounted TEXT,                         -- what was mounted, for shares: server:/export
    PRIMARY KEY (scan, side)
  ) WITHOUT ROWID;

CREATE TABLE trash (                    -- where a run moved extras to
    run INTEGER PRIMARY KEY,
    path NOT NULL
  );

CREATE TABLE unrecorded (               -- a killed run may have finished files here that have no record
    directory INTEGER PRIMARY KEY
  );

CREATE TABLE verification (             -- readings of the destination, to compare it with the record
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL,                 -- the last run that was at it
    started_at INTEGER NOT NULL,
    finished_at INTEGER,
    sample INTEGER NOT NULL,              -- millionths of all files
    seed INTEGER NOT NULL,
    after_directory INTEGER NOT NULL DEFAULT 0, -- all files up to this one are done
    after_name NOT NULL DEFAULT '',
    files INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,     -- as recorded
    different INTEGER NOT NULL DEFAULT 0,
    missing INTEGER NOT NULL DEFAULT 0,
    unreadable INTEGER NOT NULL DEFAULT 0
  );

CREATE TABLE verified (                 -- what the last verification of a file found
    directory INTEGER NOT NULL,
    name NOT NULL,
    verification INTEGER NOT NULL,
    run INTEGER NOT NULL,
    verified_at INTEGER NOT NULL,
    result INTEGER NOT NULL,              -- from 0: as recorded, different, missing, unreadable
    detail TEXT,
    PRIMARY KEY (directory, name)
  ) WITHOUT ROWID;

CREATE INDEX deletion_path ON deletion(path);

CREATE INDEX directory_depth ON directory(depth, id);

CREATE INDEX directory_destination_queue ON directory(id)
    WHERE destination_state = 1;

CREATE INDEX directory_in_flight ON directory(id) WHERE in_flight = 1;

CREATE INDEX directory_parent ON directory(parent, name);

CREATE INDEX directory_pending ON directory(id) WHERE pending_files > 0;

CREATE INDEX directory_source_queue ON directory(id) WHERE source_state = 1;

CREATE INDEX extra_attempted ON extra(directory, name) WHERE attempted <> 0;

CREATE INDEX extra_directory ON extra(directory, name) WHERE kind = 3;

CREATE INDEX file_skipped ON file(directory, name) WHERE status = 2;

CREATE INDEX hard_link_file ON hard_link(device, inode);

CREATE INDEX hard_link_waits ON hard_link(directory, name) WHERE waits = 1;

CREATE INDEX verified_bad ON verified(verification, directory, name) WHERE result > 0;
