// Package advise answers the question that the benchmark is for: a queue or a gateway, for this workload? Gates remove the
// options that cannot do what is asked, cost and proven latency rank the rest, and every answer says what decided it, how
// sure it is, and which change of the question would change the answer. That last part is found by asking again.
//
// What was measured at a stand-in may decide about loss and cost. It never decides about latency.
package advise
