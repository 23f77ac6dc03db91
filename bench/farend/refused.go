package farend

import (
	"errors"
	"fmt"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"sluice/internal/fault"
)

// refused gives an error of a client library a verdict, in words for an operator: what was tried, what the server said, and
// what to do. Where a driver has given one, it stays.
func refused(doing string, err error, todo string) error {
	var known *fault.Error
	var said smithy.APIError
	var sent *smithyhttp.RequestSendError
	var answered *smithyhttp.ResponseError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return fmt.Errorf("%s: %w", doing, known)
	case errors.As(err, &said):
		return &fault.Error{Class: fault.Blocked, Reason: "refused", Err: fmt.Errorf("%s: %s: %s; %s", doing, said.ErrorCode(), said.ErrorMessage(), todo)}
	case errors.As(err, &sent):
		return &fault.Error{Reason: "unreachable", Err: fmt.Errorf("%s: %w", doing, sent.Err)}
	case errors.As(err, &answered):
		return &fault.Error{Class: fault.Blocked, Reason: "refused",
			Err: fmt.Errorf("%s: answered with status %d and no error that can be read; %s", doing, answered.HTTPStatusCode(), todo)}
	}
	return &fault.Error{Class: fault.Blocked, Reason: "refused", Err: fmt.Errorf("%s: %w; %s", doing, err, todo)}
}
