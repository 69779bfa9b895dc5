package mongodb

// class says whose fault a failure is.
type class int

const (
	unknown     class = iota // tried again, counted, finally buried
	dataFault                // the record's: the server will never take it
	serverFault              // the server's, the network's, or a setting's
	duplicate                // the row is there, or another one like it
)

// code is what a server's error code means to us.
type code struct {
	name string
	of   class
}

// codes are the error codes with a verdict (`sinks.md` §C3; the names are those
// of the server's own list). Whatever is wrong with rights, names or settings
// counts as the server's fault: called the record's, a revoked role would bury
// a day's leads.
var codes = map[int]code{
	// The record's fault.
	2:     {"BadValue", dataFault},
	9:     {"FailedToParse", dataFault},
	14:    {"TypeMismatch", dataFault},
	15:    {"Overflow", dataFault},
	22:    {"InvalidBSON", dataFault},
	28:    {"PathNotViable", dataFault},
	40:    {"ConflictingUpdateOperators", dataFault},
	52:    {"DollarPrefixedFieldName", dataFault},
	53:    {"InvalidIdField", dataFault},
	54:    {"NotSingleValueField", dataFault},
	56:    {"EmptyFieldName", dataFault},
	57:    {"DottedFieldName", dataFault},
	66:    {"ImmutableField", dataFault},
	116:   {"DocTooLargeForCapped", dataFault},
	121:   {"DocumentValidationFailure", dataFault},
	378:   {"SchemaValidationFailure", dataFault},
	10334: {"BSONObjectTooLarge", dataFault},
	17280: {"KeyTooLong", dataFault},
	17419: {"document too large after update", dataFault},
	17420: {"document too large after update", dataFault},

	// Already there.
	11000: {"DuplicateKey", duplicate},
	11001: {"DuplicateKey", duplicate},
	12582: {"DuplicateKey", duplicate},

	// For a moment.
	6:     {"HostUnreachable", serverFault},
	7:     {"HostNotFound", serverFault},
	24:    {"LockTimeout", serverFault},
	43:    {"CursorNotFound", serverFault},
	50:    {"MaxTimeMSExpired", serverFault},
	63:    {"StaleShardVersion", serverFault},
	64:    {"WriteConcernTimeout", serverFault},
	89:    {"NetworkTimeout", serverFault},
	91:    {"ShutdownInProgress", serverFault},
	112:   {"WriteConflict", serverFault},
	133:   {"FailedToSatisfyReadPreference", serverFault},
	134:   {"ReadConcernMajorityNotAvailableYet", serverFault},
	189:   {"PrimarySteppedDown", serverFault},
	202:   {"NetworkInterfaceExceededTimeLimit", serverFault},
	234:   {"RetryChangeStream", serverFault},
	262:   {"ExceededTimeLimit", serverFault},
	290:   {"TransactionExceededLifetimeLimitSeconds", serverFault},
	365:   {"TemporarilyUnavailable", serverFault},
	402:   {"ResourceExhausted", serverFault},
	407:   {"TransientTransactionError", serverFault},
	433:   {"AdmissionQueueOverflow", serverFault},
	449:   {"RateLimitExceeded", serverFault},
	462:   {"IngressRequestRateLimitExceeded", serverFault},
	9001:  {"SocketException", serverFault},
	10058: {"LegacyNotPrimary", serverFault},
	10107: {"NotWritablePrimary", serverFault},
	11600: {"InterruptedAtShutdown", serverFault},
	11601: {"Interrupted", serverFault},
	11602: {"InterruptedDueToReplStateChange", serverFault},
	13388: {"StaleConfig", serverFault},
	13435: {"NotPrimaryNoSecondaryOk", serverFault},
	13436: {"NotPrimaryOrSecondary", serverFault},

	// Until somebody acts.
	11:    {"UserNotFound", serverFault},
	13:    {"Unauthorized", serverFault},
	18:    {"AuthenticationFailed", serverFault},
	20:    {"IllegalOperation", serverFault},
	26:    {"NamespaceNotFound", serverFault},
	59:    {"CommandNotFound", serverFault},
	72:    {"InvalidOptions", serverFault},
	73:    {"InvalidNamespace", serverFault},
	79:    {"UnknownReplWriteConcern", serverFault},
	85:    {"IndexOptionsConflict", serverFault},
	86:    {"IndexKeySpecsConflict", serverFault},
	100:   {"UnsatisfiableWriteConcern", serverFault},
	166:   {"CommandNotSupportedOnView", serverFault},
	238:   {"NotImplemented", serverFault},
	323:   {"APIStrictError", serverFault},
	371:   {"UserWritesBlocked", serverFault},
	391:   {"ReauthenticationRequired", serverFault},
	8000:  {"AtlasError", serverFault},
	13297: {"DatabaseDifferCase", serverFault},
	14031: {"OutOfDiskSpace", serverFault},
}

// ofCommand are those of the record's faults that a server may report for a
// whole command. The others mean something else there: BadValue, for one, is
// what a server without replicas says of a write concern of two.
var ofCommand = map[int]bool{22: true, 10334: true, 17280: true}
