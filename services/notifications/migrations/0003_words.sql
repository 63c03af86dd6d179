-- All that a mail says, as JSON, from which its text and HTML are set when they are read: `plain`
-- and `html` are empty then. None: an earlier release wrote the mail, and they are what it says.
ALTER TABLE mails ADD COLUMN words {text};
