package archtest

// A rule says what the packages in a folder may import from this module. Folders and imports are relative to the root of
// the module; "x/*" stands for the folders right under x, "x/**" for x and all under it.
type rule struct {
	folder string
	may    []string
	why    string
}

// rules is the import table. The first rule whose folder matches counts. A package that no rule matches is a violation, so
// that a new one is placed on purpose. Test files may import more, but see everywhere.
func rules() []rule {
	return []rule{
		{"internal/fault", nil, "a leaf that everybody may import"},
		{"internal/backoff", nil, "a leaf that everybody may import"},
		{"internal/atomicfile", nil, "a leaf that everybody may import"},
		{"internal/atomicfile/crashfs", []string{"internal/atomicfile"}, "a file system for the tests of everybody who keeps state"},
		{"internal/secret", nil, "a leaf that everybody may import"},
		{"internal/redact", []string{"internal/secret"}, "a leaf that everybody who shows data may import"},
		{"internal/exchange", []string{"internal/redact"}, "it keeps and plays exchanges, whoever made them"},
		{"internal/wire", nil, "a leaf under drivers whose libraries take no context"},
		{"internal/netaddr", nil, "a leaf that everybody may import"},
		{"internal/nearest", nil, "a leaf that everybody may import"},
		{"internal/memlimit", nil, "a leaf that everybody may import"},
		{"internal/usage", nil, "a leaf under the commands"},
		{"internal/jq", nil, "a leaf under the parser"},
		{"internal/archtest", nil, "it reads the others and calls none"},
		{"internal/motoserver", nil, "tests of every package may start it"},
		{"internal/proof", nil, "tests of every package report through it"},
		{"internal/simulation", nil, "it is tests, which put the whole daemon together"},
		{"internal/prove", []string{"internal/proof"}, "it runs the tests of all others and calls none of them"},

		{"transport", []string{"internal/fault", "internal/backoff"}, "the contract knows no driver and no source"},
		{"transport/transporttest", []string{"transport", "internal/fault", "internal/backoff"}, "the suite knows the contract only"},
		{"transport/sqs", []string{"transport", "internal/fault", "internal/netaddr", "internal/secret", "internal/awscreds"}, "a driver knows no other driver and no source"},
		{"transport/apigateway", []string{"transport", "internal/fault", "internal/netaddr", "internal/secret", "internal/awscreds"}, "a driver knows no other driver and no source"},
		{"transport/*", []string{"transport", "internal/fault", "internal/netaddr", "internal/secret", "internal/wire"}, "a driver knows no other driver and no source"},

		{"ingest", []string{"transport", "internal/fault", "internal/backoff", "internal/atomicfile", "internal/jq"}, "the loop knows contracts, not drivers or sources"},
		{"ingest/sourcetest", []string{"ingest", "internal/fault"}, "the suite knows the contract only"},
		{"ingest/format", []string{"internal/fault"}, "it cuts bytes into items for every source"},
		{"ingest/s3", []string{"ingest", "ingest/format", "internal/fault", "internal/awscreds"}, "a source knows no other source and no transport"},
		{"ingest/httpapi", []string{"ingest", "ingest/format", "internal/fault", "internal/netaddr", "internal/secret", "internal/awscreds"}, "a source knows no other source and no transport"},
		{"ingest/*", []string{"ingest", "ingest/format", "internal/fault", "internal/netaddr", "internal/secret", "internal/backoff"}, "a source knows no other source and no transport"},

		{"internal/awscreds", []string{"internal/fault", "internal/backoff", "internal/secret"}, "under the drivers"},
		{"internal/awslocal/**", []string{"internal/awslocal/**"}, "the stand-in shares no code with the drivers, so that they cannot share a misunderstanding"},
		{"internal/config", []string{"internal/atomicfile", "internal/secret", "internal/netaddr", "internal/nearest"}, "it reads structs that it does not know"},
		{"internal/drivers", []string{"transport", "transport/*", "ingest", "ingest/*", "internal/config", "internal/awscreds", "internal/fault", "internal/secret"}, "the one place that knows all drivers and sources"},
		{"internal/telemetry", []string{"internal/netaddr", "internal/redact", "internal/secret", "transport", "ingest", "internal/fault"}, "it listens to the loop and the deliverer"},
		{"internal/readback", []string{"transport", "internal/awscreds", "internal/fault", "internal/secret"}, "it shares the credentials with the drivers and nothing else"},
		{"bench/farend", []string{"bench/**", "transport", "transport/*", "internal/netaddr", "internal/fault", "internal/secret", "internal/readback", "internal/drivers", "internal/awscreds", "internal/awslocal/**"}, "it opens the destinations that trials deliver to, and starts those that stand in for them"},
		{"bench/**", []string{"bench/**", "transport", "internal/netaddr", "internal/nearest", "internal/fault", "internal/readback"}, "it measures through the contract; its command opens the transports"},

		{"deploy", nil, "it is data; its test asks the program"},
		{"examples/**", nil, "examples are on the far side of the wire"},
		{"cmd/**", []string{"**"}, "commands put everything together"},
	}
}

// reserved lists imports that only some packages may have, in tests too where inTests is set.
func reserved() []reservation {
	return []reservation{
		{"github.com/kelseyhightower/envconfig", []string{"internal/config"}, true, "one package reads the environment"},
		{"github.com/prometheus", []string{"internal/telemetry"}, false, "one package makes metrics"},
		{"github.com/nats-io/nats-server", []string{"cmd/sluice-bench", "bench/**"}, false, "a broker does not belong into the daemon"},
		{"github.com/itchyny/gojq", []string{"internal/jq"}, true, "one package knows how jq is interpreted"},
		{"github.com/spf13", []string{"cmd/**", "internal/usage"}, false, "commands are at the top"},
	}
}

// A reservation is an import path, with all under it, that only some folders may use.
type reservation struct {
	path    string
	folders []string
	inTests bool
	why     string
}

// banned lists imports that some folders must not have outside tests.
func banned() []reservation {
	return []reservation{
		{"log", []string{"transport/**", "ingest/*"}, false, "drivers and sources return errors; who owns the loop logs"},
		{"unsafe", []string{"**"}, true, "nothing here needs it"},
	}
}

const (
	maxFileLines     = 400 // a file is shorter than this
	maxFunctionLines = 60  // a function outside tests is shorter than this
)
