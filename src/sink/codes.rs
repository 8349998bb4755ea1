//! What the target's error codes lead to: one table for all of them.
//!
//! The numbers and names are MongoDB's (`src/mongo/base/error_codes.yml`, 4.4 to 8.0); which of them a driver treats as
//! retryable is in the driver specifications "Retryable Writes" and "Server Discovery and Monitoring" ("not writable
//! primary" and "node is recovering" errors). FerretDB 2.7 uses the same numbers, and `InternalError` for all that
//! PostgreSQL says without a counterpart, a lost connection to it too.

/// What an error of the target leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consequence {
    /// Nothing was left running: try again.
    Transient,
    /// Try again, but the command may still be running somewhere.
    Uncertain,
    /// No try helps.
    Fatal,
    /// This document cannot be written.
    Record,
    /// May be due to one document or to the target itself; only trying tells.
    Suspect,
}

use Consequence::{Fatal, Record, Suspect, Transient, Uncertain};

/// Code, name, consequence, and what the user can do.
type Row = (i32, &'static str, Consequence, Option<&'static str>);

const UNAUTHORIZED: Option<&str> = Some(
    "grant the user of target.uri the role readWrite on the target database and on checkpoint.database: db.grantRolesToUser(\"USER\", [{ role: \"readWrite\", db: \"DATABASE\" }])",
);
const CREDENTIALS: Option<&str> =
    Some("check user, password and authSource in target.uri (authSource is often admin)");
const CONCERN: Option<&str> = Some(
    "the target has fewer members than target.write_concern asks for: lower it or set it to \"majority\"",
);
const FULL: Option<&str> = Some("the target's disk is full or its quota is used up: make room");
const SHARDED: Option<&str> = Some(
    "sharded collections are supported where the shard key is _id: shard the collection by _id, or copy to an unsharded one",
);
const VIEW: Option<&str> =
    Some("the target collection is a view: name another one with tables.\"…\".collection");
const RESTARTING: Option<&str> =
    Some("the target is restarting or changing its primary; it is tried again by itself");
const MAJORITY: Option<&str> = Some(
    "too few members of the target's replica set confirm writes in time: see rs.status() for members that are down or behind",
);
const NAMESPACE: Option<&str> = Some(
    "the target refuses this database or collection name: set target.database, target.collection or tables.\"…\".collection",
);
const CAPPED: Option<&str> = Some(
    "the target collection is capped: drop it, or name another one with tables.\"…\".collection",
);
const BLOCKED: Option<&str> =
    Some("somebody has blocked writes in the target (setUserWriteBlockMode): unblock them");
const CASE: Option<&str> = Some(
    "the target does not tell database names apart by case: set target.database to the name that is there",
);

/// Every code that is dealt with by its number. Sorted.
#[rustfmt::skip]
const CODES: &[Row] = &[
    (2, "BadValue", Suspect, None),
    (4, "NoSuchKey", Suspect, None),
    (6, "HostUnreachable", Uncertain, None),
    (7, "HostNotFound", Uncertain, None),
    (8, "UnknownError", Suspect, None),
    (9, "FailedToParse", Suspect, None),
    (11, "UserNotFound", Fatal, CREDENTIALS),
    (13, "Unauthorized", Fatal, UNAUTHORIZED),
    (14, "TypeMismatch", Suspect, None),
    (15, "Overflow", Record, None),
    (16, "InvalidLength", Suspect, None),
    (18, "AuthenticationFailed", Fatal, CREDENTIALS),
    (20, "IllegalOperation", Fatal, None),
    (22, "InvalidBSON", Suspect, None),
    (24, "LockTimeout", Transient, None),
    (26, "NamespaceNotFound", Transient, None),
    (28, "PathNotViable", Record, None),
    (46, "LockBusy", Transient, None),
    (50, "MaxTimeMSExpired", Uncertain, None),
    (52, "DollarPrefixedFieldName", Record, None),
    (53, "InvalidIdField", Record, None),
    (54, "NotSingleValueField", Record, None),
    (55, "InvalidDBRef", Record, None),
    (56, "EmptyFieldName", Record, None),
    (57, "DottedFieldName", Record, None),
    (59, "CommandNotFound", Fatal, None),
    (61, "ShardKeyNotFound", Fatal, SHARDED),
    (63, "StaleShardVersion", Transient, None),
    (64, "WriteConcernTimeout", Transient, MAJORITY),
    (66, "ImmutableField", Record, None),
    (67, "CannotCreateIndex", Fatal, None),
    (72, "InvalidOptions", Fatal, None),
    (73, "InvalidNamespace", Fatal, NAMESPACE),
    (79, "UnknownReplWriteConcern", Fatal, CONCERN),
    (89, "NetworkTimeout", Uncertain, None),
    (91, "ShutdownInProgress", Transient, RESTARTING),
    (93, "InvalidReplicaSetConfig", Fatal, None),
    (100, "UnsatisfiableWriteConcern", Fatal, CONCERN),
    (112, "WriteConflict", Transient, None),
    (115, "CommandNotSupported", Fatal, None),
    (116, "DocTooLargeForCapped", Record, CAPPED),
    (117, "ConflictingOperationInProgress", Transient, None),
    (121, "DocumentValidationFailure", Record, None),
    (133, "FailedToSatisfyReadPreference", Uncertain, None),
    (134, "ReadConcernMajorityNotAvailableYet", Transient, None),
    (149, "NoConfigPrimary", Transient, None),
    (150, "StaleEpoch", Transient, None),
    (166, "CommandNotSupportedOnView", Fatal, VIEW),
    (171, "CannotIndexParallelArrays", Record, None),
    (175, "QueryPlanKilled", Transient, None),
    (189, "PrimarySteppedDown", Transient, RESTARTING),
    (201, "CannotBuildIndexKeys", Record, None),
    (202, "NetworkInterfaceExceededTimeLimit", Uncertain, None),
    (211, "KeyNotFound", Transient, None),
    (215, "DatabaseDropPending", Transient, None),
    (225, "TransactionTooOld", Transient, None),
    (246, "SnapshotUnavailable", Transient, None),
    (249, "StaleDbVersion", Transient, None),
    (262, "ExceededTimeLimit", Uncertain, None),
    (264, "TooManyFilesOpen", Transient, None),
    (272, "MigrationConflict", Transient, None),
    (279, "ClientDisconnect", Transient, None),
    (314, "ObjectIsBusy", Transient, None),
    (317, "ConnectionPoolExpired", Uncertain, None),
    (322, "APIVersionError", Fatal, None),
    (323, "APIStrictError", Fatal, None),
    (334, "MechanismUnavailable", Fatal, CREDENTIALS),
    (342, "ReshardingCriticalSectionTimeout", Transient, None),
    (357, "InvalidBSONType", Record, None),
    (365, "TemporarilyUnavailable", Transient, None),
    (371, "UserWritesBlocked", Transient, BLOCKED),
    (378, "NonConformantBSON", Suspect, None),
    (384, "ConnectionError", Uncertain, None),
    (391, "ReauthenticationRequired", Fatal, CREDENTIALS),
    (402, "ResourceExhausted", Transient, None),
    (407, "PooledConnectionAcquisitionExceededTimeLimit", Uncertain, None),
    (433, "AdmissionQueueOverflow", Transient, None),
    (449, "RateLimitExceeded", Transient, None),
    (462, "IngressRequestRateLimitExceeded", Transient, None),
    (8000, "AtlasError", Transient, FULL),
    (9001, "SocketException", Uncertain, None),
    (10003, "CannotGrowDocumentInCappedNamespace", Record, CAPPED),
    (10058, "LegacyNotPrimary", Transient, RESTARTING),
    (10107, "NotWritablePrimary", Transient, RESTARTING),
    (10334, "BSONObjectTooLarge", Suspect, None),
    (11600, "InterruptedAtShutdown", Transient, RESTARTING),
    (11601, "Interrupted", Transient, None),
    (11602, "InterruptedDueToReplStateChange", Transient, RESTARTING),
    (12586, "BackgroundOperationInProgressForDatabase", Transient, None),
    (12587, "BackgroundOperationInProgressForNamespace", Transient, None),
    (13297, "DatabaseDifferCase", Fatal, CASE),
    (13388, "StaleConfig", Transient, None),
    (13435, "NotPrimaryNoSecondaryOk", Transient, RESTARTING),
    (13436, "NotPrimaryOrSecondary", Transient, RESTARTING),
    (14031, "OutOfDiskSpace", Transient, FULL),
    (17280, "KeyTooLong", Record, None),
    (17419, "DocumentTooLarge", Record, None),
    (91331, "RetriableRemoteCommandFailure", Transient, RESTARTING),
];

/// FerretDB tells what PostgreSQL says as `InternalError`, so only the words tell a lost connection, a restart or a
/// full disk from a bad document (seen with FerretDB 2.7 over PostgreSQL 18 that was killed).
const AWAY: &[&str] = &[
    "unexpected EOF",
    "failed to connect",
    "terminating connection",
    "connection refused",
    "connection reset",
    "broken pipe",
    "conn closed",
    "closed network connection",
    "closed pool",
    "i/o timeout",
    "starting up",
    "shutting down",
    "not yet accepting connections",
    "recovery mode",
    "recovery conflict",
    "too many clients",
    "remaining connection slots",
    "deadlock detected",
    "could not serialize",
    "could not extend file",
    "No space left",
    "out of memory",
    "out of shared memory",
    "read-only transaction",
    "context canceled",
    "crash of another server process",
];

const INTERNAL_ERROR: i32 = 1;

/// `DuplicateKey`: which index it was decides, so it is not in the table.
pub(super) const DUPLICATE_KEY: i32 = 11000;

/// What a code and its text lead to, and what the user can do.
pub(super) fn look_up(code: i32, text: &str) -> (Consequence, Option<&'static str>) {
    if code == INTERNAL_ERROR {
        let text = text.to_ascii_lowercase();
        let away = AWAY.iter().any(|words| text.contains(&words.to_ascii_lowercase()));
        return (if away { Uncertain } else { Suspect }, None);
    }
    match CODES.binary_search_by_key(&code, |row| row.0) {
        Ok(index) => CODES.get(index).map_or((Suspect, None), |row| (row.2, row.3)),
        Err(_) => (Suspect, None),
    }
}

/// The name of a code, where replies leave it out.
pub(super) fn name(code: i32) -> Option<&'static str> {
    if code == DUPLICATE_KEY {
        return Some("DuplicateKey");
    }
    let index = CODES.binary_search_by_key(&code, |row| row.0).ok()?;
    CODES.get(index).map(|row| row.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_every_row_is_found() {
        assert!(CODES.is_sorted_by_key(|row| row.0));
        for row in CODES {
            assert_eq!(look_up(row.0, ""), (row.2, row.3), "code {}", row.0);
        }
    }

    #[test]
    fn what_the_target_does_by_itself_is_transient() {
        for code in [10107, 13435, 11600, 11602, 13436, 189, 91, 10058] {
            assert_eq!(look_up(code, "").0, Transient, "code {code}");
        }
    }

    #[test]
    fn a_lost_postgresql_is_not_the_document_s_fault() {
        assert_eq!(look_up(1, "unexpected EOF").0, Uncertain);
        assert_eq!(look_up(1, "Connection refused").0, Uncertain);
        assert_eq!(look_up(1, "pool.go:90: failed to connect to `user=postgres`").0, Uncertain);
        assert_eq!(look_up(1, "invalid memory alloc request size").0, Suspect);
        assert_eq!(look_up(123_456, "new in a later version").0, Suspect);
    }
}
