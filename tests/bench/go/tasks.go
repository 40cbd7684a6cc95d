package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"sort"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

type task struct {
	ID          uuid.UUID  `json:"id"`
	TeamID      uuid.UUID  `json:"team_id"`
	Title       string     `json:"title"`
	Description string     `json:"description"`
	Status      string     `json:"status"`
	Priority    int16      `json:"priority"`
	OwnerID     *uuid.UUID `json:"owner_id"`
	DueAt       *time.Time `json:"due_at"`
	CompletedAt *time.Time `json:"completed_at"`
	IsArchived  bool       `json:"is_archived"`
	Version     int64      `json:"version"`
	CreatedBy   uuid.UUID  `json:"created_by"`
	CreatedAt   time.Time  `json:"created_at"`
	UpdatedAt   time.Time  `json:"updated_at"`
}

func scan(row pgx.CollectableRow) (task, error) {
	var t task
	err := row.Scan(&t.ID, &t.TeamID, &t.Title, &t.Description, &t.Status, &t.Priority, &t.OwnerID, &t.DueAt,
		&t.CompletedAt, &t.IsArchived, &t.Version, &t.CreatedBy, &t.CreatedAt, &t.UpdatedAt)
	utc(t.DueAt)
	utc(t.CompletedAt)
	utc(&t.CreatedAt)
	utc(&t.UpdatedAt)
	return t, err
}

func utc(at *time.Time) {
	if at != nil {
		*at = at.UTC()
	}
}

// position is where a page ended.
type position struct {
	At time.Time
	ID uuid.UUID
}

func (s *server) list(w http.ResponseWriter, r *http.Request) {
	user, ok := s.caller(w, r)
	if !ok {
		return
	}
	query := r.URL.Query()
	limit := 50
	if text := query.Get("limit"); text != "" {
		given, err := strconv.Atoi(text)
		if err != nil || given < 1 || given > 100 {
			refuse(w, http.StatusBadRequest, err)
			return
		}
		limit = given
	}
	var at *time.Time
	var id *uuid.UUID
	if text := query.Get("cursor"); text != "" {
		var after position
		place, err := base64.RawURLEncoding.DecodeString(text)
		if err == nil {
			err = json.Unmarshal(place, &after)
		}
		if err != nil {
			refuse(w, http.StatusBadRequest, err)
			return
		}
		at, id = &after.At, &after.ID
	}
	rows, err := s.pool.Query(r.Context(), s.sql["list"], user, limit+1, at, id)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	tasks, err := pgx.CollectRows(rows, scan)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	var next *string
	if len(tasks) > limit {
		tasks = tasks[:limit]
		last := tasks[limit-1]
		place, _ := json.Marshal(position{last.CreatedAt, last.ID})
		text := base64.RawURLEncoding.EncodeToString(place)
		next = &text
	}
	answer(w, http.StatusOK, envelope{Data: tasks, Meta: meta{Page: &page{next}}})
}

func (s *server) detail(w http.ResponseWriter, r *http.Request) {
	user, ok := s.caller(w, r)
	if !ok {
		return
	}
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		refuse(w, http.StatusNotFound, err)
		return
	}
	if held := r.Header.Get("If-None-Match"); held != "" {
		var version int64
		err := s.pool.QueryRow(r.Context(), s.sql["version"], user, id).Scan(&version)
		if err == nil && held == tag(version) {
			w.Header().Set("ETag", held)
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	rows, err := s.pool.Query(r.Context(), s.sql["detail"], user, id)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	s.one(w, http.StatusOK, rows)
}

// one answers with the only row, if there is one.
func (s *server) one(w http.ResponseWriter, status int, rows pgx.Rows) {
	found, err := pgx.CollectExactlyOneRow(rows, scan)
	if errors.Is(err, pgx.ErrNoRows) {
		refuse(w, http.StatusNotFound, err)
		return
	}
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("ETag", tag(found.Version))
	if status == http.StatusCreated {
		w.Header().Set("Location", "/api/v1/tasks/"+found.ID.String())
	}
	answer(w, status, envelope{Data: found})
}

func tag(version int64) string {
	return `"` + strconv.FormatInt(version, 10) + `"`
}

type newTask struct {
	TeamID      uuid.UUID  `json:"team_id"`
	Title       string     `json:"title"`
	Description string     `json:"description"`
	Status      string     `json:"status"`
	Priority    int16      `json:"priority"`
	OwnerID     *uuid.UUID `json:"owner_id"`
	DueAt       *time.Time `json:"due_at"`
}

func (n *newTask) isValid() bool {
	if n.Status == "" {
		n.Status = "todo"
	}
	known := n.Status == "todo" || n.Status == "doing" || n.Status == "done"
	title, text := len([]rune(n.Title)), len([]rune(n.Description))
	return known && title >= 1 && title <= 200 && text <= 20_000 && n.Priority >= 0 && n.Priority <= 4
}

func (s *server) create(w http.ResponseWriter, r *http.Request) {
	user, ok := s.caller(w, r)
	if !ok {
		return
	}
	var given newTask
	if !read(w, r, &given) {
		return
	}
	if !given.isValid() {
		refuse(w, http.StatusUnprocessableEntity, nil)
		return
	}
	id, at := uuid.New(), now()
	fields := map[string]any{
		"title": given.Title, "description": given.Description, "status": given.Status, "priority": given.Priority,
		"is_archived": false,
	}
	if given.OwnerID != nil {
		fields["owner_id"] = given.OwnerID
	}
	if given.DueAt != nil {
		fields["due_at"] = given.DueAt
	}
	diff, names := map[string]any{}, []string{}
	for name, value := range fields {
		diff[name] = map[string]any{"before": nil, "after": value}
		names = append(names, name)
	}
	sort.Strings(names)
	payload := map[string]any{
		"task_id": id, "team_id": given.TeamID, "title": given.Title, "status": given.Status,
		"owner_id": given.OwnerID, "due_at": given.DueAt, "version": 1, "actor_id": user, "occurred_at": at,
		"changed": names,
	}
	rows, err := s.pool.Query(r.Context(), s.sql["create"], id, given.TeamID, given.Title, given.Description,
		given.Status, given.Priority, given.OwnerID, given.DueAt, user, at, diff, uuid.NewString(), uuid.New(), payload)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	s.one(w, http.StatusCreated, rows)
}
