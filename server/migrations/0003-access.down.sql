drop table api_tokens;
drop table staff;
drop schema auth cascade;
