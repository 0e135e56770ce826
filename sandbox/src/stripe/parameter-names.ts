/**
 * Names of the parameters that each request takes in API version 2026-10-28.endive, read from the type declarations of
 * the npm package stripe 23.1.0 (MIT). `expand` is accepted everywhere and left out here.
 */
export const PARAMETERS = {
  productCreate:
    "active default_price_data description id images marketing_features metadata name package_dimensions shippable statement_descriptor tax_code tax_details type unit_label url",
  productUpdate:
    "active default_price description images marketing_features metadata name package_dimensions shippable statement_descriptor tax_code tax_details unit_label url",
  productList: "active created ending_before ids limit shippable starting_after type url",
  priceCreate:
    "active billing_scheme currency currency_options custom_unit_amount lookup_key metadata nickname product product_data recurring tax_behavior tiers tiers_mode transfer_lookup_key transform_quantity unit_amount unit_amount_decimal",
  priceUpdate:
    "active currency_options lookup_key metadata nickname tax_behavior transfer_lookup_key",
  priceList:
    "active created currency ending_before limit lookup_keys product recurring starting_after type",
  planCreate:
    "active amount amount_decimal billing_scheme currency id interval interval_count metadata meter nickname product tiers tiers_mode transform_usage trial_period_days usage_type",
  planUpdate: "active metadata nickname product trial_period_days",
  planList: "active created ending_before limit product starting_after",
  customerCreate:
    "address balance business_name cash_balance description email individual_name invoice_prefix invoice_settings metadata name next_invoice_sequence payment_method phone preferred_locales shipping source tax tax_exempt tax_id_data test_clock validate",
  customerUpdate:
    "address balance business_name cash_balance default_source description email individual_name invoice_prefix invoice_settings metadata name next_invoice_sequence phone preferred_locales shipping source tax tax_exempt validate",
  customerList: "created email ending_before limit starting_after test_clock",
  customerCreateSource: "metadata source validate",
  customerUpdateSource:
    "account_holder_name account_holder_type address_city address_country address_line1 address_line2 address_state address_zip exp_month exp_year metadata name owner",
  customerListSources: "ending_before limit object starting_after",
  customerListPaymentMethods: "allow_redisplay ending_before limit starting_after type",
  customerSearch: "limit page query",
  paymentMethodCreate:
    "acss_debit affirm afterpay_clearpay alipay allow_redisplay alma amazon_pay au_becs_debit bacs_debit bancontact billie billing_details bizum blik boleto card cashapp crypto custom customer customer_balance eps fpx giropay grabpay ideal interac_present kakao_pay klarna konbini kr_card link mb_way metadata mobilepay multibanco naver_pay nz_bank_account oxxo p24 pay_by_bank payco payment_method paynow paypal paypay payto pix promptpay radar_options revolut_pay samsung_pay satispay scalapay sepa_debit sequra sofort sunbit swish twint type upi us_bank_account wechat_pay zip",
  paymentMethodUpdate: "allow_redisplay billing_details card metadata us_bank_account",
  paymentMethodList:
    "allow_redisplay customer customer_account ending_before limit starting_after type",
  paymentMethodAttach: "customer customer_account",
  paymentMethodDetach: "",
  setupIntentCreate:
    "allowed_payment_method_types attach_to_self automatic_payment_methods confirm confirmation_token customer customer_account description excluded_payment_method_types flow_directions mandate_data metadata on_behalf_of payment_method payment_method_configuration payment_method_data payment_method_options return_url single_use usage use_stripe_sdk",
  setupIntentUpdate:
    "allowed_payment_method_types attach_to_self customer customer_account description excluded_payment_method_types flow_directions metadata payment_method payment_method_configuration payment_method_data payment_method_options",
  setupIntentList:
    "attach_to_self created customer customer_account ending_before limit payment_method starting_after",
  setupIntentConfirm:
    "allowed_payment_method_types confirmation_token mandate_data payment_method payment_method_data payment_method_options return_url use_stripe_sdk",
  setupIntentCancel: "cancellation_reason",
  paymentIntentCreate:
    "allowed_payment_method_types amount amount_details application_fee_amount automatic_payment_methods capture_method confirm confirmation_method confirmation_token currency customer customer_account description error_on_requires_action excluded_payment_method_types hooks mandate mandate_data metadata off_session on_behalf_of payment_details payment_method payment_method_configuration payment_method_data payment_method_options radar_options receipt_email return_url setup_future_usage shipping statement_descriptor statement_descriptor_suffix transfer_data transfer_group use_stripe_sdk",
  paymentIntentUpdate:
    "allowed_payment_method_types amount amount_details application_fee_amount capture_method currency customer customer_account description excluded_payment_method_types hooks metadata payment_details payment_method payment_method_configuration payment_method_data payment_method_options receipt_email setup_future_usage shipping statement_descriptor statement_descriptor_suffix transfer_data transfer_group",
  paymentIntentList: "created customer customer_account ending_before limit starting_after",
  paymentIntentConfirm:
    "allowed_payment_method_types amount_details amount_to_confirm capture_method confirmation_token error_on_requires_action excluded_payment_method_types hooks mandate mandate_data off_session payment_details payment_method payment_method_data payment_method_options radar_options receipt_email return_url setup_future_usage shipping use_stripe_sdk",
  paymentIntentCapture:
    "amount_details amount_to_capture application_fee_amount final_capture hooks metadata payment_details statement_descriptor statement_descriptor_suffix transfer_data",
  paymentIntentCancel: "cancellation_reason",
  chargeCreate:
    "amount application_fee application_fee_amount capture currency customer description destination metadata on_behalf_of radar_options receipt_email shipping source statement_descriptor statement_descriptor_suffix transfer_data transfer_group",
  chargeUpdate: "customer description fraud_details metadata receipt_email shipping transfer_group",
  chargeList: "created customer ending_before limit payment_intent starting_after transfer_group",
  chargeCapture:
    "amount application_fee application_fee_amount receipt_email statement_descriptor statement_descriptor_suffix transfer_data transfer_group",
  refundCreate:
    "amount charge currency customer instructions_email metadata origin payment_intent reason refund_application_fee reverse_transfer",
  refundUpdate: "metadata",
  refundList: "charge created ending_before limit payment_intent starting_after",
  couponCreate:
    "amount_off applies_to currency currency_options duration duration_in_months id max_redemptions metadata name percent_off redeem_by",
  couponUpdate: "currency_options metadata name",
  couponList: "created ending_before limit starting_after",
  promotionCodeCreate:
    "active code customer customer_account expires_at max_redemptions metadata promotion restrictions",
  promotionCodeUpdate: "active metadata restrictions",
  promotionCodeList:
    "active code coupon created customer customer_account ending_before limit starting_after",
  taxRateCreate:
    "active country description display_name inclusive jurisdiction metadata percentage state tax_type",
  taxRateUpdate: "active country description display_name jurisdiction metadata state tax_type",
  taxRateList: "active created ending_before inclusive limit starting_after",
  invoiceCreate:
    "account_tax_ids application_fee_amount auto_advance automatic_tax automatically_finalizes_at collection_method currency custom_fields customer customer_account days_until_due default_payment_method default_source default_tax_rates description discounts due_date effective_at footer from_invoice issuer metadata number on_behalf_of payment_settings pending_invoice_items_behavior rendering shipping_cost shipping_details statement_descriptor subscription transfer_data",
  invoiceUpdate:
    "account_tax_ids application_fee_amount auto_advance automatic_tax automatically_finalizes_at collection_method custom_fields days_until_due default_payment_method default_source default_tax_rates description discounts due_date effective_at footer issuer metadata number on_behalf_of payment_settings rendering shipping_cost shipping_details statement_descriptor transfer_data",
  invoiceList:
    "collection_method created customer customer_account due_date ending_before limit starting_after status subscription",
  invoiceFinalizeInvoice: "auto_advance",
  invoicePay: "forgive mandate off_session paid_out_of_band payment_method source",
  invoiceVoidInvoice: "",
  invoiceMarkUncollectible: "",
  invoiceSendInvoice: "",
  invoiceCreatePreview:
    "automatic_tax currency customer customer_account customer_details discounts invoice_items issuer on_behalf_of preview_mode schedule schedule_details subscription subscription_details",
  invoiceListLineItems: "ending_before limit starting_after",
  invoiceAddLines: "invoice_metadata lines",
  invoiceItemCreate:
    "amount currency customer customer_account description discountable discounts invoice metadata period price_data pricing quantity quantity_decimal subscription tax_behavior tax_code tax_rates unit_amount_decimal",
  invoiceItemUpdate:
    "amount description discountable discounts invoicing_rules metadata period price_data pricing quantity quantity_decimal tax_behavior tax_code tax_rates unit_amount_decimal",
  invoiceItemList:
    "created customer customer_account ending_before invoice limit pending starting_after",
  invoicePaymentList: "created ending_before invoice limit payment starting_after status",
  subscriptionCreate:
    "add_invoice_items application_fee_percent automatic_tax backdate_start_date billing_cycle_anchor billing_cycle_anchor_config billing_mode billing_schedules billing_thresholds cancel_at cancel_at_period_end collection_method currency customer customer_account days_until_due default_payment_method default_source default_tax_rates description discounts invoice_settings items metadata off_session on_behalf_of payment_behavior payment_settings pending_invoice_item_interval proration_behavior transfer_data trial_end trial_from_plan trial_period_days trial_settings",
  subscriptionUpdate:
    "add_invoice_items application_fee_percent automatic_tax billing_cycle_anchor billing_schedules billing_thresholds cancel_at cancel_at_period_end cancellation_details collection_method days_until_due default_payment_method default_source default_tax_rates description discounts invoice_settings items metadata off_session on_behalf_of pause_collection payment_behavior payment_settings pending_invoice_item_interval proration_behavior proration_date transfer_data trial_end trial_from_plan trial_settings",
  subscriptionList:
    "automatic_tax collection_method created current_period_end current_period_start customer customer_account ending_before limit plan price starting_after status test_clock",
  subscriptionCancel: "cancellation_details invoice_now prorate",
  subscriptionResume: "billing_cycle_anchor payment_behavior proration_behavior proration_date",
  subscriptionSearch: "limit page query",
  subscriptionItemCreate:
    "billing_thresholds current_trial discounts metadata payment_behavior plan price price_data proration_behavior proration_date quantity subscription tax_rates",
  subscriptionItemUpdate:
    "billing_thresholds current_trial discounts metadata off_session payment_behavior plan price price_data proration_behavior proration_date quantity tax_rates",
  subscriptionItemDelete: "clear_usage payment_behavior proration_behavior proration_date",
  subscriptionItemList: "ending_before limit starting_after subscription",
  disputeUpdate: "evidence intended_submission_method metadata submit",
  disputeList: "charge created ending_before limit payment_intent starting_after",
  disputeClose: "",
  eventList: "created delivery_success ending_before limit starting_after type types",
  webhookEndpointCreate: "api_version connect description enabled_events metadata url",
  webhookEndpointUpdate: "description disabled enabled_events metadata url",
  webhookEndpointList: "ending_before limit starting_after",
  balanceTransactionList: "created currency ending_before limit payout source starting_after type",
  payoutCreate:
    "amount currency description destination metadata method payout_method source_type statement_descriptor",
  payoutUpdate: "metadata",
  payoutList: "arrival_date created destination ending_before limit starting_after status",
  payoutCancel: "",
  creditNoteCreate:
    "amount credit_amount effective_at email_type invoice lines memo metadata out_of_band_amount reason refund_amount refunds shipping_cost",
  creditNoteUpdate: "memo metadata",
  creditNoteList: "created customer customer_account ending_before invoice limit starting_after",
  creditNoteVoidCreditNote: "",
  checkoutSessionCreate:
    "adaptive_pricing after_expiration allow_promotion_codes allowed_payment_method_types automatic_tax billing_address_collection branding_settings cancel_url client_reference_id consent_collection currency custom_fields custom_text customer customer_account customer_creation customer_email customer_update discounts excluded_payment_method_types expires_at integration_identifier invoice_creation line_items locale managed_payments metadata mode name_collection optional_items origin_context payment_intent_data payment_method_collection payment_method_configuration payment_method_data payment_method_options permissions phone_number_collection redirect_on_completion return_url saved_payment_method_options setup_intent_data shipping_address_collection shipping_options submit_type subscription_data success_url tax_id_collection ui_mode wallet_options",
  checkoutSessionUpdate:
    "collected_information line_items metadata payment_intent_data shipping_options",
  checkoutSessionList:
    "created customer customer_account customer_details ending_before limit payment_intent payment_link starting_after status subscription",
  checkoutSessionExpire: "",
  checkoutSessionListLineItems: "ending_before limit starting_after",
  portalSessionCreate:
    "after_expiration configuration customer customer_account flow_data locale on_behalf_of return_url",
  portalConfigurationCreate:
    "business_profile default_return_url features login_page metadata name",
  portalConfigurationUpdate:
    "active business_profile default_return_url features login_page metadata name",
  portalConfigurationList: "active ending_before is_default limit starting_after",
  testClockCreate: "customer frozen_time name",
  testClockAdvance: "frozen_time",
  testClockList: "ending_before limit starting_after",
} as const;

export type ParameterList = keyof typeof PARAMETERS;
