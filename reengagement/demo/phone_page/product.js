"use strict";

// Stands for the product's own page that a reminder leads to.

const PRODUCT = {
  ru: {
    name: "Школа собак",
    text: "Сюда ведёт напоминание: здесь открылась бы страница вашего продукта. Если пользователь завершит шаг, следующий запуск планировщика закроет его кампанию как возврат.",
    back: "К телефону",
  },
  en: {
    name: "Dog School",
    text: "This is where the reminder leads: your product's page would open here. Once the user completes a step, the next run of the planner closes the campaign as a return.",
    back: "Back to the phone",
  },
};

const language = preferredLanguage();
document.documentElement.lang = language;
document.title = PRODUCT[language].name;
document.querySelector("h1").textContent = PRODUCT[language].name;
document.querySelector(".path").textContent = location.pathname;
document.querySelector(".text").textContent = PRODUCT[language].text;
document.querySelector("a").textContent = PRODUCT[language].back;
