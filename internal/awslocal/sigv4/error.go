package sigv4

// A Reason says why a request was refused. The services tell the same reason in different words and codes.
type Reason int

// The reasons.
const (
	MissingToken     Reason = iota + 1 // nothing is signed at all
	Presigned                          // signed in the query, which the stand-in does not verify
	Incomplete                         // the Authorization header, or the date it needs, cannot be used
	WrongScope                         // signed for another service, region or day
	OutsideWindow                      // the clock of the client is off by more than five minutes
	UnknownKey                         // nobody here issued this access key
	InvalidToken                       // the session token is missing, not needed, or not the one issued
	UnsignedHeader                     // a header that has to be signed is not
	UnsignedPayload                    // the client asks not to sign the body
	SignatureDiffers                   // signature, or what it covers, is wrong
	ExpiredToken                       // all is well, but the session has ended
)

// An Error tells why a request was refused.
type Error struct {
	Reason  Reason
	Code    string // as the query protocols name it, for example SignatureDoesNotMatch
	Status  int    // HTTP status that goes with Code
	Message string // as AWS words it, where that is known

	// What the service computed; set for SignatureDiffers only. Both contain the session token if there is one.
	CanonicalRequest, StringToSign string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

func refuse(why Reason, message string) *Error {
	e := &Error{Reason: why, Code: "SignatureDoesNotMatch", Status: 403, Message: message}
	switch why {
	case MissingToken:
		e.Code = "MissingAuthenticationToken"
	case Presigned, Incomplete:
		e.Code, e.Status = "IncompleteSignature", 400
	case UnknownKey, InvalidToken:
		e.Code = "InvalidClientTokenId"
	case ExpiredToken:
		e.Code = "ExpiredToken"
	}
	return e
}
