DROP TABLE recipe_approvals, recipes;
DROP FUNCTION recipe_frozen;
DROP TYPE approval_state, recipe_status;
