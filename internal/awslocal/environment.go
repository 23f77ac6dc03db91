package awslocal

// A Variable is an environment variable that makes a client use the stand-in.
type Variable struct{ Name, Value string }

// Environment returns the variables for the AWS CLI, the SDKs and Sluice, in the order in which to show them. They hold
// the keys that this server issued, which are of use nowhere else.
func (s *Server) Environment() []Variable {
	o := s.options
	return []Variable{
		{"AWS_ACCESS_KEY_ID", s.user.AccessKeyID},
		{"AWS_SECRET_ACCESS_KEY", s.user.SecretAccessKey},
		{"AWS_REGION", o.Region},
		{"AWS_DEFAULT_REGION", o.Region},
		{"AWS_EC2_METADATA_DISABLED", "true"},
		{"AWS_ENDPOINT_URL_SQS", o.BaseURL},
		{"AWS_ENDPOINT_URL_STS", o.BaseURL},
		{"SLUICE_SQS_QUEUE_URL", s.queueURL},
		{"SLUICE_APIGATEWAY_URL", o.BaseURL + "/" + o.Stage + "/records"},
		{"SLUICE_APIGATEWAY_REGION", o.Region},
		{"SLUICE_APIGATEWAY_API_KEY", o.APIKey},
		{"SLUICE_ROLE_ARN", s.roleARN()},
		{"SLUICE_ROLE_EXTERNAL_ID", o.ExternalID},
	}
}
