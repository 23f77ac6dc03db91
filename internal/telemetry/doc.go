// Package telemetry shows people and machines what the daemon does: the log, the metrics, its health, and the admin port
// with a status page.
//
// A Monitor is the one listener: the Deliverer and the Pipeline tell it what happens, and logs, metrics, health and status
// are views of what it knows. It never holds a record, a cursor or a secret.
package telemetry
