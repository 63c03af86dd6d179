-- What is to be forgotten is found by its id, which tells when it was told.
DROP INDEX inbox_heard_at {on inbox};
