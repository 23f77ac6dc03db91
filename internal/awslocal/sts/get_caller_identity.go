package sts

import (
	"encoding/xml"

	"sluice/internal/awslocal/sigv4"
)

// GetCallerIdentity tells a caller who it is. It needs no permission and leaves nothing out.
type getCallerIdentityResponse struct {
	XMLName   xml.Name `xml:"GetCallerIdentityResponse"`
	Namespace string   `xml:"xmlns,attr"`
	ARN       string   `xml:"GetCallerIdentityResult>Arn"`
	UserID    string   `xml:"GetCallerIdentityResult>UserId"`
	Account   string   `xml:"GetCallerIdentityResult>Account"`
	Metadata  metadata `xml:"ResponseMetadata"`
}

func getCallerIdentity(caller sigv4.Identity) *getCallerIdentityResponse {
	return &getCallerIdentityResponse{ARN: caller.ARN, UserID: caller.UserID, Account: caller.Account}
}
