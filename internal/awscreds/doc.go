// Package awscreds is what the drivers of AWS share: the identity they sign with, and the connections they send through.
//
// The identity comes from the SDK's default chain (environment, profile, web identity, container, instance), after which
// a role may be assumed at STS. Both sets of credentials are renewed in the background at 50 to 70 percent of their life.
// While the renewal fails, the credentials at hand go on being used until 10 seconds before they really end.
//
// Errors carry a verdict (fault.Error). Reasons: no_credentials, credentials_unavailable, role_denied, role_invalid,
// sts_unavailable, sts_throttled, sts_refused, sts_region_disabled, expired_token, clock_skew, network, timeout,
// cancelled, tls_untrusted, proxy_refused.
package awscreds
