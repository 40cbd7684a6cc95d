package main

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// matches says whether a password is the one of an argon2id hash in PHC form.
func matches(hash, password string) error {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return errors.New("not a hash of argon2id")
	}
	var memory, time uint32
	var lanes uint8
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &time, &lanes); err != nil {
		return err
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return err
	}
	stored, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil {
		return err
	}
	made := argon2.IDKey([]byte(password), salt, time, memory, lanes, uint32(len(stored)))
	if subtle.ConstantTimeCompare(made, stored) != 1 {
		return errors.New("another password")
	}
	return nil
}
