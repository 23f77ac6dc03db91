// Package model holds the distributions and limits with which the stand-in can take its time: delays that were published
// for SQS and for API Gateway, or fitted to what was, and the limits that their documents state.
//
// Without a model the stand-in answers as fast as it can. A model makes a benchmark's numbers plausible, not true: they
// are those of somebody else's measurement, on another day, and say nothing about the reader's account.
package model
