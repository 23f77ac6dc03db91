// Package apigateway is the stand-in's front of an API Gateway REST API: the part that receives requests, with no
// control plane.
//
// A request passes, in this order: size, stage, route, presence of a signature, the signature, the end of the session,
// permission, API key, throttle, quota, validation, integration. The integration is a function that receives the Lambda
// proxy event (payload 1.0) and returns its response, both as JSON. Every refusal has the status, the x-amzn-ErrorType
// and the text of the real service where these are known; GAPS.md names those that are not.
package apigateway
