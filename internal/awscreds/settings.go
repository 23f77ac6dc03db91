package awscreds

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/aws/aws-sdk-go-v2/config"
)

// wrongSettings says which setting the SDK could not read, and what to do. The SDK's own errors seldom name the variable.
func wrongSettings(err error) error {
	if wrong := wrongBundle(os.Getenv("AWS_CA_BUNDLE"), err); wrong != nil {
		return wrong
	}
	var missing config.SharedConfigProfileNotExistError
	if errors.As(err, &missing) {
		return shown{profileMissing(missing.Profile), err}
	}
	return fmt.Errorf("read the AWS settings: %w; correct the AWS_* variables, or the files that AWS_CONFIG_FILE and "+
		"AWS_SHARED_CREDENTIALS_FILE name (~/.aws/config and ~/.aws/credentials if unset)", plain(err))
}

// wrongBundle returns what is wrong with the certificates of AWS_CA_BUNDLE, nil if they are not what err is about.
func wrongBundle(path string, err error) error {
	if path == "" {
		return nil
	}
	pem, failed := os.ReadFile(path)
	if failed != nil {
		why := failed
		if at := (*fs.PathError)(nil); errors.As(failed, &at) {
			why = at.Err
		}
		return shown{fmt.Sprintf("AWS_CA_BUNDLE is %q, which cannot be read (%v); correct the path or unset it", path, why), err}
	}
	if !x509.NewCertPool().AppendCertsFromPEM(pem) {
		return shown{fmt.Sprintf("AWS_CA_BUNDLE is %q, which holds no PEM certificate; correct the file or unset it", path), err}
	}
	return nil
}

// profileMissing says that a profile is missing, and who asked for it: the variable, or another profile.
func profileMissing(name string) string {
	if name != "" && os.Getenv("AWS_PROFILE") == name {
		return fmt.Sprintf("AWS_PROFILE is %q, a profile that is in no AWS settings file; correct or unset it, or add the profile "+
			"(AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name other files than ~/.aws/config and ~/.aws/credentials)", name)
	}
	return fmt.Sprintf("the AWS profile %q is in no AWS settings file; add it, or correct AWS_PROFILE or the profile that refers to it", name)
}
