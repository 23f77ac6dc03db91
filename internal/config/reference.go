package config

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
)

// Formats lists what Write can write.
func Formats() []string { return []string{"table", "markdown", "dotenv", "json"} }

// Write writes the reference of all variables of sections, and of the variables of the AWS SDK that matter here, in one of
// the Formats. The text depends on the structs only, not on the environment.
func Write(w io.Writer, sections []Section, format string) error {
	var chapters []chapter
	for _, s := range sections {
		c, err := s.chapter()
		if err != nil {
			return err
		}
		chapters = append(chapters, c)
	}
	chapters = append(chapters, awsChapter())
	var text string
	switch format {
	case "table":
		text = table(chapters)
	case "markdown":
		text = markdown(chapters)
	case "dotenv":
		text = dotenv(chapters)
	case "json":
		data, err := json.MarshalIndent(map[string]any{"sections": chapters}, "", "  ")
		if err != nil {
			return err
		}
		text = string(data) + "\n"
	default:
		return fmt.Errorf("format is %s, want %s", quote(format), either(Formats()))
	}
	_, err := io.WriteString(w, text)
	return err
}

// A chapter is what the reference says about one section.
type chapter struct {
	Title     string  `json:"title"`
	When      string  `json:"when,omitempty"` // empty: always
	Variables []entry `json:"variables"`
}

// An entry is what the reference says about one variable.
type entry struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Default string `json:"default,omitempty"`
	Meaning string `json:"meaning"`
	File    string `json:"file,omitempty"` // variable that names a file with the value; set for secrets
	Needed  bool   `json:"needed"`         // the default will not do
}

// chapter describes a section.
func (s Section) chapter() (chapter, error) {
	blank := Section{Prefix: s.Prefix, Into: reflect.New(reflect.TypeOf(s.Into).Elem()).Interface()}
	fields := blank.fields()
	for _, f := range fields {
		if err := f.reset(); err != nil {
			return chapter{}, fmt.Errorf("default of %s: %w", f.key, err)
		}
	}
	complaints := blank.validate(fields) // what is wrong when nothing is set is what has to be set
	c := chapter{Title: s.Title, When: s.When}
	for _, f := range fields {
		e := entry{Name: f.key, Type: typeName(f.spec.Type), Default: f.spec.Tag.Get("default"), Meaning: f.spec.Tag.Get("desc")}
		if f.isSecret() {
			e.File = f.fileKey()
		}
		e.Needed = slices.ContainsFunc(complaints, func(line string) bool {
			rest, ok := strings.CutPrefix(line, f.key)
			return ok && rest != "" && strings.ContainsRune(": =", rune(rest[0]))
		})
		c.Variables = append(c.Variables, e)
	}
	return c, nil
}

// typeName is the word for the values of a variable.
func typeName(t reflect.Type) string {
	switch kind := t.Kind(); {
	case t == secretType:
		return "secret"
	case t == durationType:
		return "duration"
	case decodes(t), kind == reflect.String:
		return "text"
	case kind == reflect.Bool:
		return "true or false"
	case kind >= reflect.Int && kind <= reflect.Uint64:
		return "whole number"
	case kind == reflect.Float32, kind == reflect.Float64:
		return "number"
	case kind == reflect.Slice:
		return "list"
	}
	return "name:value list"
}

// awsChapter lists the variables that the AWS SDK reads itself and that a user of this program is likely to need.
func awsChapter() chapter {
	return chapter{Title: "AWS", When: "the destination is AWS; read by the AWS SDK itself, which knows more of them", Variables: []entry{
		{Name: "AWS_REGION", Type: "text", Meaning: "region of queue, API and STS, such as eu-west-1"},
		{Name: "AWS_PROFILE", Type: "text", Meaning: "profile of the shared configuration files to take settings and credentials from; unset: default"},
		{Name: "AWS_ACCESS_KEY_ID", Type: "text", Meaning: "access key; better none at all, where the machine, task or pod has a role"},
		{Name: "AWS_SECRET_ACCESS_KEY", Type: "secret", Meaning: "secret of the access key"},
		{Name: "AWS_SESSION_TOKEN", Type: "secret", Meaning: "token of a temporary access key"},
		{Name: "AWS_CONFIG_FILE", Type: "text", Meaning: "shared configuration file; unset: ~/.aws/config"},
		{Name: "AWS_SHARED_CREDENTIALS_FILE", Type: "text", Meaning: "shared credentials file; unset: ~/.aws/credentials"},
		{Name: "AWS_ENDPOINT_URL_SQS", Type: "text", Meaning: "address of SQS, for VPC endpoints and stand-ins; unset: the public one of the region"},
		{Name: "AWS_ENDPOINT_URL_STS", Type: "text", Meaning: "address of STS, for VPC endpoints and stand-ins; unset: the public one of the region"},
		{Name: "AWS_CA_BUNDLE", Type: "text", Meaning: "file with the certificates (PEM) to trust instead of the system's"},
		{Name: "AWS_USE_FIPS_ENDPOINT", Type: "true or false", Default: "false", Meaning: "use the FIPS 140 endpoints"},
		{Name: "AWS_USE_DUALSTACK_ENDPOINT", Type: "true or false", Default: "false", Meaning: "use the endpoints that speak IPv6 too"},
		{Name: "AWS_EC2_METADATA_DISABLED", Type: "true or false", Default: "false", Meaning: "do not ask the instance metadata service for credentials; set it outside AWS, where asking costs seconds"},
		{Name: "AWS_SDK_UA_APP_ID", Type: "text", Meaning: "name of this application in the User-Agent that AWS logs"},
		{Name: "HTTPS_PROXY", Type: "text", Meaning: "proxy for requests over https; HTTP_PROXY and NO_PROXY count too"},
	}}
}
