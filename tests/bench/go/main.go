// The API as it is usually written with net/http and pgx: one side of `cargo xtask bench api`.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// As many as role web has.
const connections = 10

type server struct {
	pool *pgxpool.Pool
	keys keys
	sql  map[string]string
}

func main() {
	keys, err := readKeys(os.Getenv("KEYS"), os.Getenv("ISSUER"))
	if err != nil {
		log.Fatal(err)
	}
	if len(os.Args) > 1 && os.Args[1] == "verify" {
		if err := keys.measure(filepath.Join(os.Getenv("KEYS"), "tokens.txt")); err != nil {
			log.Fatal(err)
		}
		return
	}
	config, err := pgxpool.ParseConfig(os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	config.MinConns, config.MaxConns = connections, connections
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		log.Fatal(err)
	}
	s := server{pool: pool, keys: keys, sql: map[string]string{}}
	for _, name := range []string{"list", "detail", "version", "create", "credentials", "session_start", "session_lock", "session_rotate"} {
		text, err := os.ReadFile(filepath.Join(os.Getenv("SQL"), name+".sql"))
		if err != nil {
			log.Fatal(err)
		}
		s.sql[name] = string(text)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/tasks", s.list)
	mux.HandleFunc("POST /api/v1/tasks", s.create)
	mux.HandleFunc("GET /api/v1/tasks/{id}", s.detail)
	mux.HandleFunc("POST /api/v1/auth/login", s.login)
	mux.HandleFunc("POST /api/v1/auth/refresh", s.refresh)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), mux))
}

type page struct {
	Next *string `json:"next"`
}

type meta struct {
	Page *page `json:"page,omitempty"`
}

type envelope struct {
	Data  any     `json:"data"`
	Error *string `json:"error"`
	Meta  meta    `json:"meta"`
}

func answer(w http.ResponseWriter, status int, body envelope) {
	text, err := json.Marshal(body)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

func refuse(w http.ResponseWriter, status int, err error) {
	if status >= 500 {
		log.Print(err)
	}
	http.Error(w, fmt.Sprintf(`{"data":null,"error":%q,"meta":{}}`, http.StatusText(status)), status)
}

// caller is who sent the request, by its token.
func (s *server) caller(w http.ResponseWriter, r *http.Request) (string, bool) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	claims, err := s.keys.verify(token)
	if err != nil {
		refuse(w, http.StatusUnauthorized, err)
		return "", false
	}
	return claims.Subject, true
}

// read takes the request's body, which must hold nothing else.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<18))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return false
	}
	return true
}

func now() time.Time {
	return time.Now().UTC().Truncate(time.Microsecond)
}
