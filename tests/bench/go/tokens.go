package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	access  = 600 * time.Second
	session = 30 * 24 * time.Hour
)

type claims struct {
	jwt.RegisteredClaims
	Session uuid.UUID `json:"sid"`
	Admin   bool      `json:"adm"`
}

// keys sign and check access tokens; both are parsed once.
type keys struct {
	signing *rsa.PrivateKey
	public  *rsa.PublicKey
	issuer  string
	parser  *jwt.Parser
}

func readKeys(folder, issuer string) (keys, error) {
	k := keys{issuer: issuer, parser: jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}),
		jwt.WithAudience("crewdeck"), jwt.WithIssuer(issuer), jwt.WithExpirationRequired())}
	text, err := os.ReadFile(filepath.Join(folder, "signing.pem"))
	if err != nil {
		return k, err
	}
	if k.signing, err = jwt.ParseRSAPrivateKeyFromPEM(text); err != nil {
		return k, err
	}
	k.public = &k.signing.PublicKey
	return k, nil
}

func (k *keys) verify(token string) (*claims, error) {
	var c claims
	_, err := k.parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return k.public, nil })
	return &c, err
}

// measure prints the seconds that a check takes.
func (k *keys) measure(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	tokens := strings.Fields(string(text))
	started := time.Now()
	for _, token := range tokens {
		if _, err := k.verify(token); err != nil {
			return err
		}
	}
	fmt.Println(time.Since(started).Seconds() / float64(len(tokens)))
	return nil
}

func (k *keys) sign(user, family uuid.UUID, isAdmin bool, at time.Time) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: k.issuer, Audience: jwt.ClaimStrings{"crewdeck"}, Subject: user.String(), ID: uuid.NewString(),
			ExpiresAt: jwt.NewNumericDate(at.Add(access)), IssuedAt: jwt.NewNumericDate(at), NotBefore: jwt.NewNumericDate(at),
		},
		Session: family,
		Admin:   isAdmin,
	})
	token.Header["typ"] = "at+jwt"
	return token.SignedString(k.signing)
}

type pair struct {
	Access    string `json:"access"`
	Refresh   string `json:"refresh"`
	TokenType string `json:"token_type"`
	ExpiresIn int    `json:"expires_in"`
}

// secret is a new refresh token and what is stored of it.
func secret() (string, []byte) {
	random := make([]byte, 32)
	_, _ = rand.Read(random)
	text := base64.RawURLEncoding.EncodeToString(random)
	return text, digest(text)
}

func digest(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

func (s *server) give(w http.ResponseWriter, user, family uuid.UUID, isAdmin bool, refresh string, at time.Time) {
	token, err := s.keys.sign(user, family, isAdmin, at)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	answer(w, http.StatusOK, envelope{Data: pair{token, refresh, "Bearer", int(access.Seconds())}})
}

func (s *server) login(w http.ResponseWriter, r *http.Request) {
	var given struct {
		Email    string `json:"email"`
		Password string `json:"password"`
	}
	if !read(w, r, &given) {
		return
	}
	var user uuid.UUID
	var hash string
	var isAdmin bool
	err := s.pool.QueryRow(r.Context(), s.sql["credentials"], given.Email).Scan(&user, &hash, &isAdmin)
	if err == nil {
		err = matches(hash, given.Password)
	}
	if err != nil {
		refuse(w, http.StatusUnauthorized, err)
		return
	}
	at, family := now(), uuid.New()
	refresh, stored := secret()
	_, err = s.pool.Exec(r.Context(), s.sql["session_start"], uuid.New(), family, user, stored, r.UserAgent(), at,
		at.Add(session))
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	s.give(w, user, family, isAdmin, refresh, at)
}

func (s *server) refresh(w http.ResponseWriter, r *http.Request) {
	var given struct {
		Refresh string `json:"refresh"`
	}
	if !read(w, r, &given) {
		return
	}
	at := now()
	refresh, stored := secret()
	var used, family, user uuid.UUID
	var ends time.Time
	var isAdmin bool
	err := pgx.BeginFunc(r.Context(), s.pool, func(tx pgx.Tx) error {
		row := tx.QueryRow(r.Context(), s.sql["session_lock"], digest(given.Refresh), at)
		if err := row.Scan(&used, &family, &user, &ends, &isAdmin); err != nil {
			return err
		}
		return rotate(r.Context(), tx, s.sql["session_rotate"], used, uuid.New(), family, user, stored, r.UserAgent(), at, ends)
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		refuse(w, http.StatusUnauthorized, err)
	case err != nil:
		refuse(w, http.StatusInternalServerError, err)
	default:
		s.give(w, user, family, isAdmin, refresh, at)
	}
}

func rotate(ctx context.Context, tx pgx.Tx, sql string, arguments ...any) error {
	_, err := tx.Exec(ctx, sql, arguments...)
	return err
}
