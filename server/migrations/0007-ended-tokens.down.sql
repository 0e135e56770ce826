drop trigger api_tokens_stay_ended on api_tokens;
drop function purser_token_stays_ended();
