package sqs

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

const (
	maxAttributes    = 10  // SQS: of one message
	maxAttributeName = 256 // SQS: characters of a name, and of a type with its label
)

// A MessageAttribute is a typed value that travels beside a message's body. DataType is String, Number or Binary, with an
// optional label after a dot; a Binary value is in BinaryValue, the others are in StringValue.
type MessageAttribute struct {
	DataType    string `json:"DataType,omitempty"`
	StringValue string `json:"StringValue,omitempty"`
	BinaryValue []byte `json:"BinaryValue,omitempty"`
}

// A wireAttribute is a MessageAttribute with the lists that the protocol has a place for and the service refuses.
type wireAttribute struct {
	MessageAttribute
	StringListValues []string `json:"StringListValues,omitempty"`
	BinaryListValues [][]byte `json:"BinaryListValues,omitempty"`
}

// An attribute is a checked MessageAttribute as it is kept.
type attribute struct {
	name, typ, value string
	binary           bool
}

// wire gives the attribute back as it came.
func (a attribute) wire() MessageAttribute {
	if a.binary {
		return MessageAttribute{DataType: a.typ, BinaryValue: []byte(a.value)}
	}
	return MessageAttribute{DataType: a.typ, StringValue: a.value}
}

// number is a decimal number with an optional exponent. SQS: a Number is positive or negative, an integer or not.
var number = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

// checkAttributes applies SQS's rules to the attributes of one message and returns them sorted by name, with the bytes
// they add to the message's size: names, types and values.
func checkAttributes(in map[string]wireAttribute) (out []attribute, size int, err error) {
	if len(in) == 0 {
		return nil, 0, nil
	}
	if len(in) > maxAttributes {
		return nil, 0, errInvalidParameter("Number of message attributes [%d] exceeds the allowed maximum [%d].", len(in), maxAttributes)
	}
	out = make([]attribute, 0, len(in))
	for name, w := range in {
		a, err := checkAttribute(name, w)
		if err != nil {
			return nil, 0, err
		}
		size += len(a.name) + len(a.typ) + len(a.value)
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b attribute) int { return cmp.Compare(a.name, b.name) })
	return out, size, nil
}

func checkAttribute(name string, w wireAttribute) (attribute, error) {
	if err := checkAttributeName(name); err != nil {
		return attribute{}, err
	}
	if w.StringListValues != nil || w.BinaryListValues != nil {
		return attribute{}, errInvalidParameter("Message attribute list values in SendMessage operation are not supported.")
	}
	a := attribute{name: name, typ: w.DataType, value: w.StringValue}
	kind, _, _ := strings.Cut(w.DataType, ".")
	switch kind {
	case "String", "Number":
	case "Binary":
		a.value, a.binary = string(w.BinaryValue), true
	case "":
		return attribute{}, errInvalidParameter("Message (user) attribute '%s' must contain a non-empty attribute type.", name)
	default:
		return attribute{}, errInvalidParameter("The type of message (user) attribute '%s' is invalid. You must use only the following supported type prefixes: Binary, Number, String.", name)
	}
	if len(w.DataType) > maxAttributeName {
		return attribute{}, errInvalidParameter("The type of message (user) attribute '%s' is longer than %d characters.", name, maxAttributeName)
	}
	if a.value == "" {
		return attribute{}, errInvalidParameter("Message (user) attribute '%s' must contain a non-empty value of type '%s'.", name, kind)
	}
	if kind == "Number" && !number.MatchString(a.value) {
		return attribute{}, errInvalidParameter("Can't cast the value of message (user) attribute '%s' to a number.", name)
	}
	if char, bad := badCharacter(a.value); bad && !a.binary {
		return attribute{}, errInvalidParameter("Invalid binary character '%s' was found in the value of message (user) attribute '%s'.", char, name)
	}
	return a, nil
}

// checkAttributeName applies SQS's rules for the name of a message attribute: 1 to 256 letters, digits, underscores,
// hyphens and periods, no period first, last or twice in a row, no prefix reserved by AWS in any case.
func checkAttributeName(name string) error {
	lower := strings.ToLower(name)
	if strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon.") {
		return errInvalidParameter("Message (user) attribute name '%s' is invalid. It must not start with the reserved prefixes AWS. and Amazon.", name)
	}
	bad := name == "" || len(name) > maxAttributeName || name[0] == '.' || name[len(name)-1] == '.' || strings.Contains(name, "..")
	for i := range len(name) {
		if name[i] != '.' && !isEntryID(name[i:i+1]) {
			bad = true
		}
	}
	if bad {
		return errInvalidParameter("Message (user) attribute name '%s' is invalid. It can contain alphanumeric characters, hyphens, underscores and single periods inside, and be 1 to %d in length.", name, maxAttributeName)
	}
	return nil
}

// checkTrace applies SQS's rules to message system attributes, of which there is one, and returns its value.
func checkTrace(in map[string]wireAttribute) (string, error) {
	for name, w := range in {
		if name != "AWSTraceHeader" {
			return "", errInvalidParameter("Message system attribute name '%s' is invalid. The only one that can be sent is AWSTraceHeader.", name)
		}
		if w.DataType != "String" {
			return "", errInvalidParameter("The type of message system attribute '%s' is invalid. It must be String.", name)
		}
		if w.StringValue == "" {
			return "", errInvalidParameter("Message system attribute '%s' must contain a non-empty value of type 'String'.", name)
		}
	}
	return in["AWSTraceHeader"].StringValue, nil
}

// A selection is the names of message attributes that a receive asks for.
type selection []string

// pick returns the attributes that s asks for: by name, by "prefix.*", or all with "All", ".*" or "*".
// Observed on AWS 2023-11: the text before ".*" is the prefix, without the period.
func (s selection) pick(all []attribute) []attribute {
	if len(s) == 0 || len(all) == 0 {
		return nil
	}
	if slices.ContainsFunc(s, func(name string) bool { return name == "All" || name == ".*" || name == "*" }) {
		return all
	}
	var out []attribute
	for _, a := range all {
		if slices.ContainsFunc(s, func(name string) bool {
			prefix, wild := strings.CutSuffix(name, ".*")
			return name == a.name || wild && strings.HasPrefix(a.name, prefix)
		}) {
			out = append(out, a)
		}
	}
	return out
}
