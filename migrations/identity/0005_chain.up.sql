-- The sign-in role's changes are linked as well; it sees the links, and never the events.
SELECT directory('audit_links', 'select, insert');
